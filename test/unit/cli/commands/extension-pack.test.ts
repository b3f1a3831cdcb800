import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const scratch = mkdtempSync(join(tmpdir(), 'gantry-pack-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const entry = new URL('../../../../bin/gantry', import.meta.url).pathname;

function extension(...args: string[]) {
  const options = { cwd: scratch, encoding: 'utf8' } as const;
  const { status, stdout, stderr } = spawnSync(entry, ['extension', ...args], options);
  return { status, stdout, stderr };
}

const json = (...args: string[]) => JSON.parse(extension(...args, '--json').stdout);

describe('an extension from an empty directory', () => {
  beforeAll(() => {
    expect(json('init', 'greeter').files).toEqual([
      '.gantry/extension-manifest.schema.json',
      'README.md',
      'greeter.py',
      'manifest.yaml',
    ]);
  });

  test('is valid, and its program runs as CloudStack calls it', () => {
    expect(json('validate', 'greeter')).toMatchObject({
      valid: true,
      errors: [],
      warnings: [],
      manifest: { metadata: { name: 'greeter' }, customActions: [{ name: 'Greet' }] },
    });

    const payload = join(scratch, 'payload.json');
    const values = { virtualmachinename: 'web-1', parameters: { greeting: 'Hello' } };
    writeFileSync(payload, JSON.stringify(values));
    const run = (action: string) =>
      spawnSync(join(scratch, 'greeter/greeter.py'), [action, payload, '60'], { encoding: 'utf8' });
    expect(JSON.parse(run('Greet').stdout)).toEqual({
      printmessage: 'true',
      message: 'Hello, web-1!',
    });
    expect(run('GetVmIpAddress')).toMatchObject({
      status: 1,
      stderr: 'not supported: GetVmIpAddress\n',
    });
  });

  test('packs to the same bytes twice, with the digest of the directory', () => {
    const first = json('pack', 'greeter', '--out', 'one.tar.gz');
    const second = json('pack', 'greeter', '--out', 'two.tar.gz');
    expect(second).toEqual({ ...first, file: 'two.tar.gz' });
    expect(json('validate', 'one.tar.gz').tree_digest).toBe(first.tree_digest);
    expect(json('validate', 'greeter').tree_digest).toBe(first.tree_digest);

    const listed = execFileSync('tar', ['-tvzf', join(scratch, 'one.tar.gz')], {
      encoding: 'utf8',
    });
    expect(listed).toMatch(/^-rwxr-xr-x 0\/0 .* greeter-0\.1\.0\/greeter\.py$/m);
  });

  test('is not written over a file, nor into its own directory', () => {
    writeFileSync(join(scratch, 'mine'), 'mine');
    expect(extension('pack', 'greeter', '--out', 'mine')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('(already_exists)'),
    });
    expect(readFileSync(join(scratch, 'mine'), 'utf8')).toBe('mine');
    expect(extension('pack', 'greeter', '--out', 'greeter/a.tar.gz').stderr).toContain(
      'expected --out outside greeter',
    );
  });

  test('is not packed while it is invalid, nor made over another', () => {
    expect(extension('init', 'greeter')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('(already_exists)'),
    });
    expect(extension('init', 'Bad Name').stderr).toContain('expected a name of at most');

    json('init', 'broken');
    rmSync(join(scratch, 'broken/broken.py'));
    expect(extension('pack', 'broken', '--out', 'broken.tar.gz')).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('expected a file at broken.py'),
    });
  });
});
