import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
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
      expect(JSON.stringify(jobs.publish)).toMatch(/gantry module push.*gantry module sign/);
      expect(JSON.stringify(jobs.publish)).not.toContain('checkout');
    }
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
