import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { buildModule } from '../../../../cli/build/build-module.ts';
import { initModule } from '../../../../cli/commands/modules/init.ts';
import { validateManifest } from '../../../../shared/manifest/index.ts';

const scratch = mkdtempSync(join(tmpdir(), 'gantry-init-'));
let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(scratch, 'case-')), 'repository');
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const read = (file: string) => readFileSync(join(directory, file), 'utf8');

describe('initModule', () => {
  test('writes a repository whose manifest is valid and has the name', async () => {
    const { files } = await initModule('my-redis', directory);
    expect(files).toEqual([
      '.gantry/module-manifest.schema.json',
      '.gitea/workflows/build.yaml',
      '.github/workflows/build.yaml',
      '.gitignore',
      'Containerfile',
      'README.md',
      'manifest.yaml',
      'rootfs/etc/my-redis/my-redis.conf',
    ]);

    expect(parse(read('manifest.yaml'))).toMatchObject({
      name: 'my-redis',
      file_spec: ['/etc/my-redis/**'],
    });
    expect(validateManifest(read('manifest.yaml'))).toEqual({
      valid: true,
      errors: [],
      warnings: [],
    });

    for (const file of files) expect(read(file)).not.toContain('my-module');
  });

  test('the manifest tells editors where its schema is', async () => {
    await initModule('a', directory);
    const [, schema] =
      /^# yaml-language-server: \$schema=(\S+)$/m.exec(read('manifest.yaml')) ?? [];
    expect(JSON.parse(read(schema ?? ''))).toMatchObject({ title: 'Gantry module manifest' });
  });

  test('the workflows give credentials only to the stage that runs nothing of the module', async () => {
    await initModule('a', directory);
    for (const forge of ['gitea', 'github']) {
      const { jobs, permissions } = parse(read(`.${forge}/workflows/build.yaml`));
      expect(permissions).toEqual({ contents: 'read' });
      expect(JSON.stringify(jobs.build)).not.toMatch(/secrets\.|permissions/);
      expect(jobs.build.steps.map(({ run }: { run?: string }) => run)).toContain(
        'gantry module build',
      );
      expect(jobs.publish).toMatchObject({ needs: 'build', permissions: { packages: 'write' } });
      expect(JSON.stringify(jobs.publish)).toMatch(/gantry module push dist .* --sign/);
      expect(JSON.stringify(jobs.publish)).not.toContain('checkout');
    }
  });

  test('the workflows publish pushes to main, develop and version tags, and no pull request', async () => {
    await initModule('a', directory);
    for (const forge of ['gitea', 'github']) {
      const { on, jobs } = parse(read(`.${forge}/workflows/build.yaml`));
      expect(on).toEqual({
        push: { branches: ['main', 'develop'], tags: ['v*'] },
        pull_request: null,
      });
      expect(jobs.publish.if).toBe(`${forge}.event_name == 'push'`);
      expect(jobs.publish.env.TAG).toContain(`|| ${forge}.sha`);
    }
  });

  test("only GitHub's job may ask for an identity, since Gitea's has none", async () => {
    await initModule('a', directory);
    const permissionsOf = (forge: string) =>
      parse(read(`.${forge}/workflows/build.yaml`)).jobs.publish.permissions;
    expect(permissionsOf('github')).toHaveProperty('id-token', 'write');
    expect(permissionsOf('gitea')).not.toHaveProperty('id-token');
  });

  test('the keys that the manifest has as comments are valid', async () => {
    await initModule('my-redis', directory);
    const text = read('manifest.yaml').replaceAll(/^# (?!yaml-)(?=[a-z ])/gm, '');
    expect(Object.keys(parse(text))).toEqual(
      expect.arrayContaining(['category', 'services', 'users', 'security', 'reboot_required']),
    );
    expect(validateManifest(text)).toEqual({ valid: true, errors: [], warnings: [] });
  });

  test('what it writes builds, at first without writing a module', async () => {
    await initModule('my-redis', directory);
    const options = { directory, out: join(directory, 'dist'), rootfsOnly: false };
    const sourceDateEpoch = '1700000000';
    const tried = await buildModule({ ...options, dryRun: true, sourceDateEpoch });

    expect(tried.warnings).toEqual([]);
    expect(read('dist/file-list.txt')).toBe('/etc/my-redis/my-redis.conf\n');
    expect(readdirSync(join(directory, 'dist'))).not.toContain('module.tar');

    await buildModule({ ...options, dryRun: false, sourceDateEpoch });
    expect(readdirSync(join(directory, 'dist'))).toContain('module.tar');
  });

  test('takes the image that builds the module', async () => {
    const image = 'registry.example.com/acme/module-builder:2';
    await initModule('a', directory, { image, tool: 'gantry' });
    expect(read('Containerfile')).toContain(`FROM ${image}\n`);
    for (const forge of ['gitea', 'github']) {
      const { jobs } = parse(read(`.${forge}/workflows/build.yaml`));
      expect([jobs.build.container.image, jobs.publish.container]).toEqual([image, image]);
    }
  });

  test('with buildah, the first job alone differs: it runs an image of the Containerfile', async () => {
    await initModule('a', directory);
    const usual = join(directory, '../usual');
    renameSync(directory, usual);
    await initModule('a', directory, { image: 'registry.example.com/builder:2', tool: 'buildah' });

    for (const forge of ['gitea', 'github']) {
      const file = `.${forge}/workflows/build.yaml`;
      const lines = new Set(readFileSync(join(usual, file), 'utf8').split('\n'));
      const added = read(file)
        .split('\n')
        .filter((line) => !lines.has(line));
      const { container, steps } = parse(read(file)).jobs.build;

      expect(
        added.filter(
          (line) => !/builder:2|buildah|mkdir|Containerfile|run: \||build-module/.test(line),
        ),
      ).toEqual([]);
      expect(container).toBeUndefined();
      expect(steps.map(({ name, uses }: { name?: string; uses?: string }) => name ?? uses)).toEqual(
        [
          'actions/checkout@v4',
          'Build the image of the Containerfile',
          'Build',
          expect.stringMatching(/^actions.upload-artifact@v[34]$/),
        ],
      );
    }
  });

  test('refuses an image that is not a reference, and writes nothing', async () => {
    await expect(
      initModule('a', directory, { image: 'module builder', tool: 'gantry' }),
    ).rejects.toMatchObject({
      code: 'reference_invalid',
    });
    expect(existsSync(directory)).toBe(false);
  });

  test('accepts a directory that holds a fresh git repository only', async () => {
    mkdirSync(join(directory, '.git'), { recursive: true });
    await initModule('a', directory);
    expect(readdirSync(directory)).toContain('manifest.yaml');
  });

  test('refuses a directory that is not empty, and leaves it as it is', async () => {
    mkdirSync(directory);
    writeFileSync(join(directory, 'precious'), 'x');
    await expect(initModule('a', directory)).rejects.toMatchObject({
      code: 'already_exists',
      message: expect.stringMatching(/to be missing or an empty directory, found precious$/),
    });
    expect(readdirSync(directory)).toEqual(['precious']);
  });

  test('refuses a file in the place of the directory', async () => {
    writeFileSync(directory, 'x');
    await expect(initModule('a', directory)).rejects.toMatchObject({ code: 'already_exists' });
  });

  test.each(['My-Redis', '../x', '-a', '', 'a'.repeat(65)])('refuses the name %j', async (name) => {
    await expect(initModule(name, directory)).rejects.toMatchObject({
      code: 'usage',
      field: 'name',
      found: name,
    });
  });
});
