import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatManifestJson,
  parseManifest,
  parseManifestJson,
  validateManifest,
} from '../../../shared/manifest/index.ts';
import { manifestForms } from '../../support/manifest-forms.ts';
import { writePlaced } from '../../support/placed-json.ts';

const glob: unknown[] = ['../x', '[a', 7, null];
const command: unknown[] = [7, null, ['/bin/true']];
const flag: unknown[] = ['yes', 1, null];
const id: unknown[] = [-1, 1.5, 2 ** 32, '0', null];
const account: unknown[] = ['', '12', '-a', 'a$b', 'a b', 'a:b', 'x'.repeat(33), 7];
const capability: unknown[] = ['NET_ADMIN', 'CAP_net', 'CAP_SYS_TIME ', 7];
const release: unknown[] = ['1.2', '1.2.3.4', 'v1.2.3', 123, null];
const serviceName: unknown[] = ['', '-a', 'A', 'a_b', 'x'.repeat(64), 7];
const notText: unknown[] = [7, null, {}];
const notList: unknown[] = ['x', {}, 7, null];
const notMapping: unknown[] = ['x', [], 7, null];

/** What no manifest may have, by place. */
const refused: Record<string, unknown[]> = {
  schema_version: [0, 2, '1', null],
  name: ['', 'A', '-a', 'a-', 'a/b', 'x'.repeat(65), 7, null],
  display_name: ['x'.repeat(201), 'a\u0007b', 7, null],
  description: ['x'.repeat(16_001), 7, null],
  license: ['a\u0007b', ...notText],
  category: ['User Land', ...notText],
  package_spec: notList,
  'package_spec[0]': ['--option', '/etc/passwd', 'a b', 7, null],
  file_spec: ['x', 7, null],
  'file_spec[0]': glob,
  mask: notList,
  'mask[0]': glob,
  protected_spec: notList,
  'protected_spec[0]': glob,
  dependency_spec: notList,
  'dependency_spec[0]': glob,
  carve_waivers: notList,
  'carve_waivers[0]': glob,
  dependencies: notMapping,
  'dependencies.requires': notList,
  'dependencies.requires[0]': ['a!/b', 'a/b@latest', 'capability:A', 'capability:a@^', 'a/b/c', 7],
  'dependencies.provides': notList,
  'dependencies.provides[0]': ['A', 'a@', 'a b', 'a@b', 7, null],
  parent_module: ['a/b/c', 'A', 7, null],
  init: notMapping,
  'init.start': command,
  'init.stop': command,
  'init.restart': command,
  services: notList,
  'services[0]': notMapping,
  'services[0].name': serviceName,
  'services[0].stop_command': command,
  'services[0].restart_policy': ['no', 'Always', 7, null],
  'services[0].user': notText,
  'services[0].working_directory': notText,
  'services[0].env': notMapping,
  'services[0].exposed_ports': notList,
  'services[0].exposed_ports[0].port': [0, 65_536, 1.5, '80', null],
  'services[0].exposed_ports[0].protocol': ['http', 'TCP', 7, null],
  'services[0].exposed_ports[0].name': notText,
  'services[0].capabilities': notList,
  'services[0].capabilities[0]': capability,
  'services[0].health': notMapping,
  'services[0].health.endpoint': notText,
  'services[0].health.method': ['get', 'HEAD', 7, null],
  'services[0].health.interval_seconds': [0, 1.5, '30', null],
  'services[0].health.timeout_seconds': [0, -1, '5', null],
  'services[0].health.initial_delay_seconds': [-1, 0.5, '10', null],
  'services[0].metadata': notMapping,
  jobs: notList,
  'jobs[0].name': serviceName,
  'jobs[0].path': ['bin/true', '/', '/a/../b', '/a/', '/a//b', 7],
  'jobs[0].arguments': flag,
  reboot_required: flag,
  security: notMapping,
  'security.capabilities': notList,
  'security.capabilities[0]': capability,
  'security.selinux_profile': [7, {}],
  'security.apparmor_profile': [7, {}],
  'security.seccomp_profile': [7, {}],
  'security.egress_allow': notList,
  'security.egress_allow[0]': notText,
  'security.privileged': flag,
  'security.user_namespace': flag,
  users: notList,
  'users[0].name': account,
  'users[0].uid': id,
  'users[0].primary_gid': id,
  'users[0].primary_group': account,
  'users[0].shell': ['/bin/sh:/bin/bash', 'a\nb', 7],
  'users[0].home': ['/a:/b', 7],
  'users[0].gecos': ['a:b', 7],
  'users[0].supplementary_groups[0]': account,
  groups: notList,
  'groups[0].name': account,
  'groups[0].gid': id,
  'groups[0].members[0]': account,
  sudoers: notList,
  'sudoers[0].id': ['', 'a/b', 'a\nb', 7],
  'sudoers[0].user': ['a\nALL', 7],
  'sudoers[0].commands': notList,
  'sudoers[0].commands[0]': ['/bin/true\nALL', 7],
  'sudoers[0].runas': ['a\nb', 7],
  'sudoers[0].runas_user': ['a\nb', 7],
  'sudoers[0].runas_group': ['a\nb', 7],
  'sudoers[0].flags[0]': ['a\nb', 7],
  verify: notMapping,
  'verify.probes': [[], Array(33).fill({ name: 'a', command: 'a', resolves_to: '/a' }), 'x', null],
  'verify.probes[0].name': ['', 'A', '.a', 'x'.repeat(65), 7],
  'verify.probes[0].command': ['', '/bin/sh', 'a b', 'x'.repeat(129), 7],
  'verify.probes[0].resolves_to': ['bin/sh', '/', '/a b', `/${'x'.repeat(256)}`, 7],
  skills: notList,
  build: notMapping,
  'build.ubuntu_digest': ['sha256:0a', `sha256:${'g'.repeat(64)}`, 7],
  'build.apt_snapshot': ['2026-01-02', 'None', '20260102T0304Z', 7],
  'build.firmware_repo': notText,
  'build.firmware_ref': notText,
  'build.k3s_version': notText,
  'build.gitleaks_version': release,
  'build.gh_version': release,
  'build.go_version': release,
  'build.claude_code_version': release,
  'build.ruby_version': release,
  'build.node_version': release,
  'build.act_runner_version': release,
  'build.grok_version': notText,
  'build.vault_version': notText,
};

/** Keys that a mapping cannot lack. */
const required = [
  'name',
  'services[0].name',
  'services[0].exposed_ports[0].port',
  'services[0].exposed_ports[0].protocol',
  'jobs[0].name',
  'jobs[0].path',
  'users[0].name',
  'groups[0].name',
  'sudoers[0].id',
  'sudoers[0].user',
  'sudoers[0].commands',
  'verify.probes',
  'verify.probes[0].name',
  'verify.probes[0].command',
  'verify.probes[0].resolves_to',
];

type Mapping = Record<string, unknown>;

function keysOf(path: string): string[] {
  return path.split(/[.[\]]+/).filter((key) => key !== '');
}

/** A copy of a manifest in which the holder of a path was changed. */
function altered(manifest: unknown, path: string, alter: (holder: Mapping, key: string) => void) {
  const copy = structuredClone(manifest);
  const keys = keysOf(path);
  const last = keys.pop() as string;
  alter(keys.reduce<unknown>((at, key) => (at as Mapping)[key], copy) as Mapping, last);
  return copy;
}

const errorsIn = (text: string) =>
  validateManifest(text).errors.map(({ line, column, path }) => ({ line, column, path }));

describe('a well-formed manifest', () => {
  test('is valid, and is the same after a build', () => {
    fc.assert(
      fc.property(manifestForms(false), (form) => {
        const text = JSON.stringify(form);
        const { manifest } = parseManifest(text);
        // JSON writes -0 as 0.
        expect(manifest).toMatchObject(JSON.parse(text));

        const json = formatManifestJson(manifest);
        expect(parseManifestJson(json)).toEqual(manifest);
        expect(formatManifestJson(parseManifestJson(json))).toBe(json);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a manifest with one wrong value', () => {
  const whole = fc.sample(manifestForms(true), { numRuns: 3, seed: 12 });

  test.each(Object.keys(refused))('is refused at that place: %s', (path) => {
    for (const [index, value] of (refused[path] as unknown[]).entries()) {
      const form = whole[index % whole.length];
      const wrong = altered(form, path, (holder, key) => {
        holder[key] = value;
      });
      const { text, keys, values } = writePlaced(wrong);
      // For a value of nothing, the key is where readers look.
      const place = (value === null ? keys : values).get(path);
      const [first, ...more] = errorsIn(text);
      expect([value, first]).toEqual([value, { ...place, path }]);
      // A service that has lost its name is missing for those that name it.
      expect(more.filter((error) => !error.path.endsWith('].service'))).toEqual([]);
    }
  });

  test.each(required)('is refused where it lacks %s', (path) => {
    const wrong = altered(whole[0], path, (holder, key) => {
      delete holder[key];
    });
    const [error, ...more] = errorsIn(writePlaced(wrong).text);
    expect([error?.path, more]).toEqual([path, []]);
  });

  test('is refused where two entries have one name, with the place of the second', () => {
    for (const [list, key] of Object.entries({
      services: 'name',
      jobs: 'name',
      users: 'name',
      groups: 'name',
      sudoers: 'id',
    })) {
      const wrong = altered(whole[0], list, (holder) => {
        const [first] = holder[list] as Mapping[];
        const { dependencies: _, ...entry } = first as Mapping;
        holder[list] = [entry, entry];
      });
      const { text, values } = writePlaced(wrong);
      const path = `${list}[1].${key}`;
      expect(errorsIn(text)).toEqual([{ ...values.get(path), path }]);
    }
  });
});

describe('an unknown key', () => {
  const [whole = {}] = fc.sample(manifestForms(true), { numRuns: 1, seed: 12 });
  const mappings = [...writePlaced(whole).keys.keys()].filter(
    (path) => !/env|metadata|skills|schema_version|\]$/.test(path),
  );

  test.each(mappings)('is refused beside %s, which is suggested for a slip', (path) => {
    const slip = `${path}x`;
    const wrong = altered(whole, path, (holder, key) => {
      holder[`${key}x`] = 1;
    });
    const { text, keys } = writePlaced(wrong);

    expect(validateManifest(text).errors).toEqual([
      {
        severity: 'error',
        ...keys.get(slip),
        path: slip,
        message: expect.stringMatching(/^unknown key; (did you mean \w+\?|expected one of )/),
      },
    ]);
  });

  test('has the names of all known keys beside it where none is near', () => {
    const text = 'schema_version: 1\nname: a\nservices:\n  - {name: x, health: {frequency: 3}}\n';
    expect(validateManifest(text).errors).toMatchObject([
      {
        line: 4,
        column: 24,
        path: 'services[0].health.frequency',
        message:
          'unknown key; expected one of endpoint, method, interval_seconds, timeout_seconds, initial_delay_seconds',
      },
    ]);
  });
});

describe('services', () => {
  const errors = (services: unknown) =>
    validateManifest(JSON.stringify({ schema_version: 1, name: 'a', services })).errors.map(
      ({ path, message }) => `${path} ${message}`,
    );

  test('have a command or a unit', () => {
    expect(errors([{ name: 'a', start_command: '/a', unit_body: '[Unit]' }])).toEqual([
      'services[0].start_command expected unit_body or start_command, found both',
    ]);
    expect(errors([{ name: 'a' }])).toEqual([]);
  });

  test('depend on other services of the manifest', () => {
    expect(errors([{ name: 'a', dependencies: [{ service: 'b' }] }, { name: 'c' }])).toEqual([
      'services[0].dependencies[0].service expected a service of this manifest (a, c), found "b"',
    ]);
  });

  test('depend on each other in no circle', () => {
    const needs = (name: string, ...services: string[]) => ({
      name,
      dependencies: services.map((service) => ({ service })),
    });
    expect(errors([needs('a', 'b'), needs('b', 'c'), needs('c', 'b')])).toEqual([
      'services[1].dependencies expected services that can start one after the other, found the circle b → c → b',
    ]);
    expect(errors([needs('a', 'a')])[0]).toContain('the circle a → a');
  });

  test('have variables with names that an environment can have', () => {
    expect(errors([{ name: 'a', env: { 'A=B': 1, OK: 1.5 } }])).toEqual([
      'services[0].env.A=B expected the name of an environment variable: one line without "=", found "A=B"',
    ]);
    expect(errors([{ name: 'a', env: { A: [] } }])).toEqual([
      'services[0].env.A expected text, a number, true or false, found a list',
    ]);
  });
});
