import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildModule } from '../../../cli/build/build-module.ts';
import { planModule } from '../../../cli/build/plan.ts';
import { readRootfs } from '../../../cli/build/rootfs.ts';
import { readModuleTar, verifyModuleTar } from '../../../shared/artifact/index.ts';
import {
  compose,
  layerPriority,
  renderInstanceFiles,
  resolveVersions,
} from '../../../shared/composition/index.ts';
import type { CompositionLayer } from '../../../shared/domain/compose/index.ts';
import { parentPath, type TreeEntry } from '../../../shared/domain/files/index.ts';
import { seededCategories, type Variety } from '../../../shared/domain/modules/index.ts';
import {
  matchRegistration,
  parseManifest,
  parseManifestJson,
  parseRequirement,
  requiredName,
} from '../../../shared/manifest/index.ts';

const examples = new URL('../../../examples/', import.meta.url).pathname;
const out = mkdtempSync(join(tmpdir(), 'gantry-examples-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** How the examples' READMEs say that they are registered. */
interface Registration {
  category: (typeof seededCategories)[number]['slug'];
  variety?: Variety;
  parent?: string;
}

const modules: Record<string, Registration> = {
  apache: { category: 'userland' },
  chrony: { category: 'network-overlay' },
  'my-redis': { category: 'userland' },
  nginx: { category: 'userland' },
  'rpi4-firmware': { category: 'system-base' },
  'security-hardening': { category: 'security-hardening' },
  'system-base': { category: 'system-base' },
};
const patterns: Record<string, Registration> = {
  'chrony-no-pool': { category: 'userland', variety: 'config', parent: 'chrony' },
  'hostname-override': { category: 'userland', variety: 'instance' },
  'nginx-tokyo-config': { category: 'userland', variety: 'config', parent: 'nginx' },
};
const directories = [...Object.keys(modules).map((name) => `modules/${name}`)].concat(
  Object.keys(patterns).map((name) => `patterns/${name}`),
);

const read = (...path: string[]) => readFileSync(join(examples, ...path), 'utf8');
const nameOf = (directory: string) => directory.split('/')[1] as string;
const registrationOf = (name: string) => ({ ...modules, ...patterns })[name] as Registration;

function priorityOf(name: string): number {
  const { category, variety = 'subscription', parent } = registrationOf(name);
  return layerPriority({
    categoryPosition: seededCategories.find(({ slug }) => slug === category)?.position as number,
    variety,
    parentPriority: parent === undefined ? null : priorityOf(parent),
    effectivePriority: null,
  });
}

/** What reviewers are asked about, by module, as the build says it. */
const privilegesOf: Record<string, string[]> = {
  apache: [
    'Its services have capabilities that lead to the rights of root: CAP_CHOWN, CAP_SETGID, CAP_SETUID',
    'It ships files that root runs or trusts: /etc/logrotate.d/apache2',
  ],
  chrony: [
    'Its services have capabilities that lead to the rights of root: CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_SETGID, CAP_SETUID',
    'It ships files that root runs or trusts: /etc/logrotate.d/chrony',
  ],
  'my-redis': [
    'Its services have capabilities that lead to the rights of root: CAP_CHOWN of redis-certificates, CAP_DAC_OVERRIDE of redis-certificates, CAP_FOWNER of redis-certificates',
    'It writes whole systemd units: redis-certificates',
    'It ships systemd units of its own: /etc/systemd/system/redis-server.service.d/10-limits.conf',
  ],
  nginx: [
    'Its services have capabilities that lead to the rights of root: CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_SETGID, CAP_SETUID',
    'It ships files that root runs or trusts: /etc/logrotate.d/nginx',
  ],
  'rpi4-firmware': [
    'It gives the id 0 of root to /etc/sysusers.d/rpi4.conf',
    'It ships files that root runs or trusts: /etc/kernel/postinst.d/z50-rpi4-firmware, /etc/modprobe.d/rpi4.conf, /etc/modules-load.d/rpi4.conf, /etc/udev/rules.d/60-rpi4-gpio.rules',
  ],
  'security-hardening': [
    'It ships systemd units of its own: /etc/systemd/system/ctrl-alt-del.target, /etc/systemd/system/debug-shell.service',
    'It ships files that root runs or trusts: /etc/modprobe.d/60-hardening.conf, /etc/ssh/sshd_config.d/10-hardening.conf, /etc/sysctl.d/60-hardening.conf',
  ],
  'system-base': [
    'It ships files that root runs or trusts: /etc/nsswitch.conf, /usr/lib/tmpfiles.d/system-base.conf',
  ],
};

/** Builds an example and reads the tar back, as ingest does. */
async function layerOf(directory: string): Promise<{ layer: CompositionLayer; tar: string }> {
  const name = nameOf(directory);
  const { variety = 'subscription', parent } = registrationOf(name);
  const target = join(out, name);

  const built = await buildModule({
    directory: join(examples, directory),
    out: target,
    dryRun: false,
    rootfsOnly: true,
    sourceDateEpoch: '1700000000',
  });

  const tar = join(target, 'module.tar');
  const content = await readModuleTar(createReadStream(tar), { allowDevices: false });

  expect(verifyModuleTar(content).digest).toBe(built.composefs_digest);
  const warnings = built.warnings.filter((text) => !text.startsWith('built without the packages'));
  const asks = '. Machines get it by the policy module_assign_privileged';
  expect(warnings, name).toEqual((privilegesOf[name] ?? []).map((text) => `${text}${asks}`));

  const { protected_spec, file_spec, mask } = parseManifestJson(content.manifestJson);
  const digest = `sha256:${built.composefs_digest}`;

  const layer: CompositionLayer = {
    account: 'powernode',
    module: name,
    version: '1.0.0',
    version_id: name,
    digest,
    manifest_digest: digest,
    layer_digest: digest,
    layer_size: content.size,
    composefs_digest: digest,
    variety,
    parent_module: parent === undefined ? null : `powernode/${parent}`,
    priority: priorityOf(name),
    protected_spec,
    file_spec,
    mask,
    entries: content.entries,
  };

  return { layer, tar };
}

test('the tables above name every example', () => {
  const directoriesOf = (folder: string) =>
    readdirSync(join(examples, folder), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
  expect(directoriesOf('modules')).toEqual(Object.keys(modules));
  expect(directoriesOf('patterns')).toEqual(Object.keys(patterns));
});

describe.each(['module-template', ...directories])('%s', (directory) => {
  const text = read(directory, 'manifest.yaml');
  const { manifest, warnings } = parseManifest(text);

  test('has a manifest without a warning, and finds its schema', () => {
    expect(warnings).toEqual([]);
    const [, schema] = /^# yaml-language-server: \$schema=(\S+)$/m.exec(text) ?? [];
    expect(read(directory, schema ?? '')).toContain('Gantry module manifest');
  });

  test('has the Containerfile and the workflows of the template', () => {
    const containerfile = read('module-template/Containerfile').replaceAll(
      'my-module',
      manifest.name,
    );
    expect(read(directory, 'Containerfile')).toBe(containerfile);

    for (const forge of ['.gitea', '.github']) {
      const workflow = `${forge}/workflows/build.yaml`;
      expect(read(directory, workflow)).toBe(read('module-template', workflow));
    }

    expect(read(directory, '.gitignore')).toBe(read('module-template/.gitignore'));
  });

  test('has no directory that git would lose, and ships what its file_spec names', async () => {
    const source = await readRootfs(join(examples, directory, 'rootfs'));
    const parents = new Set(source.map(({ path }) => parentPath(path)));

    expect(source.filter(({ path, type }) => type === 'directory' && !parents.has(path))).toEqual(
      [],
    );
    expect(planModule(manifest, source).advice).toEqual([]);
  });
});

describe.each(directories)('%s', (directory) => {
  const { manifest } = parseManifest(read(directory, 'manifest.yaml'));

  test('fits the registration that its README shows', () => {
    const { category, variety = 'subscription', parent } = registrationOf(nameOf(directory));
    const row = {
      name: nameOf(directory),
      variety,
      parent_module: parent === undefined ? null : `powernode/${parent}`,
    };

    expect(matchRegistration(manifest, row)).toEqual([]);
    const options = [`--category ${category}`];
    if (variety !== 'subscription') options.push(`--variety ${variety}`);
    if (parent !== undefined) options.push(`--parent powernode/${parent}`);
    expect(read(directory, 'README.md')).toContain(
      `gantry module register ${manifest.name} ${options.join(' ')}`,
    );
  });

  test('requires modules that are here too, at 1.0', () => {
    const required = manifest.dependencies.requires.map(parseRequirement);
    for (const one of required) {
      const [account, module] = requiredName(one).split('/');
      expect([account, one.constraint]).toEqual(['powernode', '^1.0']);
      expect(Object.keys(modules)).toContain(module);
    }
  });
});

describe('the examples, built from rootfs/', () => {
  const layers = new Map<string, CompositionLayer>();
  const tars = new Map<string, string>();

  beforeAll(async () => {
    for (const directory of directories) {
      const { layer, tar } = await layerOf(directory);
      layers.set(layer.module, layer);
      tars.set(layer.module, tar);
    }
  });

  const seven = () => Object.keys(modules).map((name) => layers.get(name) as CompositionLayer);
  const files = (name: string) =>
    layers.get(name)?.entries.flatMap(({ path, type }) => (type === 'directory' ? [] : [path]));

  /** What system-base protects and only its packages ship. */
  const ofPackages = ['/etc/group', '/etc/os-release', '/etc/passwd', '/usr/lib/os-release'].map(
    (path) =>
      `protected_spec "${path}" of powernode/system-base 1.0.0 matches nothing that the module ships, so it protects nothing`,
  );

  test('the seven modules compose with nothing dropped or shadowed', () => {
    const { report, entries } = compose(seven());
    expect(report).toMatchObject({ dropped: [], shadowed: [], carved_out: [] });
    expect(report.warnings).toEqual(ofPackages);

    expect(report.layers.map(({ name, priority }) => `${priority} ${name}`)).toEqual([
      '10 powernode/rpi4-firmware',
      '10 powernode/system-base',
      '30 powernode/security-hardening',
      '60 powernode/chrony',
      '90 powernode/apache',
      '90 powernode/my-redis',
      '90 powernode/nginx',
    ]);

    expect(entries.find(({ path }) => path === '/bin')).toMatchObject({
      type: 'symlink',
      target: 'usr/bin',
    });
    expect(
      entries.filter(({ mode, type }) => type === 'file' && mode === 0o755).map(({ path }) => path),
    ).toEqual([
      '/etc/kernel/postinst.d/z50-rpi4-firmware',
      '/usr/libexec/my-redis/make-certificates',
    ]);
  });

  test('each brings in what it requires, in versions that satisfy it', () => {
    const broughtIn = (name: string) => {
      const choice = (module: string) => ({
        id: module,
        version_string: '1.0.0',
        standing: 'offered' as const,
        module,
      });

      const resolved = resolveVersions({
        account: 'powernode',
        assigned: [{ module: name, constraint: null }],
        available: (module) => (layers.has(nameOf(module)) ? [choice(nameOf(module))] : null),
        requires: ({ module }) => {
          const directory = module in modules ? 'modules' : 'patterns';
          const { dependencies } = parseManifest(read(directory, module, 'manifest.yaml')).manifest;
          return dependencies.requires.map((text) => {
            const one = parseRequirement(text);
            return { module: requiredName(one), constraint: one.constraint };
          });
        },
      });

      return resolved.filter(({ assigned }) => !assigned).map(({ module }) => nameOf(module));
    };
    expect(Object.fromEntries(Object.keys(modules).map((name) => [name, broughtIn(name)]))).toEqual(
      {
        apache: ['security-hardening', 'system-base'],
        chrony: ['system-base'],
        'my-redis': ['security-hardening', 'system-base'],
        nginx: ['chrony', 'security-hardening', 'system-base'],
        'rpi4-firmware': ['system-base'],
        'security-hardening': ['system-base'],
        'system-base': [],
      },
    );
  });

  test('the three patterns stand side by side above the seven modules', () => {
    const all = [
      ...seven(),
      ...Object.keys(patterns).map((name) => layers.get(name) as CompositionLayer),
    ];
    const { report, owners, instance_files } = compose(all);

    expect(report.layers.slice(-3).map(({ name, priority }) => `${priority} ${name}`)).toEqual([
      '92 powernode/chrony-no-pool',
      '92 powernode/nginx-tokyo-config',
      '94 powernode/hostname-override',
    ]);

    expect([report.dropped, report.warnings]).toEqual([[], ofPackages]);
    expect(report.carved_out.map(({ by }) => by)).toEqual(['powernode/chrony-no-pool']);

    expect(report.shadowed.map(({ path, by }) => `${path} ${by}`)).toEqual([
      '/etc/chrony/chrony.conf powernode/chrony-no-pool',
      '/etc/hostname powernode/hostname-override',
      '/etc/hosts powernode/hostname-override',
    ]);

    expect(owners.get('/etc/nginx/conf.d/99-tokyo.conf')).toBe('powernode/nginx-tokyo-config');
    expect(instance_files.map(({ entry }) => entry.path)).toEqual(['/etc/hostname', '/etc/hosts']);
  });

  test('my-redis ships its configuration and empty directories, but not sentinel.conf', () => {
    expect(files('my-redis')).toEqual([
      '/etc/redis/redis.conf',
      '/etc/systemd/system/redis-server.service.d/10-limits.conf',
      '/usr/libexec/my-redis/make-certificates',
      '/var/lib/redis/.gitkeep',
    ]);
  });

  test("nginx masks the distribution's site", () => {
    expect(files('nginx')).toContain('/etc/nginx/sites-available/default');
    expect(files('nginx')).not.toContain('/etc/nginx/sites-enabled/default');
  });

  test('the config override adds its file above nginx', () => {
    const { report, owners } = compose([
      ...seven(),
      layers.get('nginx-tokyo-config') as CompositionLayer,
    ]);
    expect(report).toMatchObject({ dropped: [], shadowed: [] });
    expect(owners.get('/etc/nginx/conf.d/99-tokyo.conf')).toBe('powernode/nginx-tokyo-config');
    expect(report.layers.at(-1)).toMatchObject({
      name: 'powernode/nginx-tokyo-config',
      priority: 92,
    });
  });

  test("the carve-out takes the place of chrony's protected file, and of nothing else", () => {
    const carver = layers.get('chrony-no-pool') as CompositionLayer;
    const { report, owners } = compose([...seven(), carver]);
    const path = '/etc/chrony/chrony.conf';

    expect(owners.get(path)).toBe('powernode/chrony-no-pool');
    expect(report.carved_out).toEqual([
      { path, from: 'powernode/chrony', by: 'powernode/chrony-no-pool' },
    ]);

    const uncarved = compose([...seven(), { ...carver, mask: [] }]);
    expect(uncarved.report.dropped).toEqual([
      { path, from: 'powernode/chrony-no-pool', because_of: 'powernode/chrony' },
    ]);
  });

  test('the instance module is rendered for each machine and covers what the image has', async () => {
    const { instance_files, report } = compose([
      ...seven(),
      layers.get('hostname-override') as CompositionLayer,
    ]);
    expect(report.shadowed).toEqual([
      { path: '/etc/hostname', from: 'powernode/system-base', by: 'powernode/hostname-override' },
      { path: '/etc/hosts', from: 'powernode/system-base', by: 'powernode/hostname-override' },
    ]);

    const tar = readFileSync(tars.get('hostname-override') as string);
    const entries = new Map(instance_files.map(({ entry }) => [entry.path, entry]));
    const contentOf = (_module: string, path: string) => {
      const { offset = 0, size } = entries.get(path) as TreeEntry;
      return tar.subarray(offset, offset + size);
    };
    const rendered = renderInstanceFiles(instance_files, contentOf, { hostname: 'edge-7' });
    const contents = rendered.map(({ content }) => Buffer.from(content, 'base64').toString('utf8'));

    expect(contents).toEqual(['edge-7\n', expect.stringContaining('127.0.1.1       edge-7\n')]);
  });
});
