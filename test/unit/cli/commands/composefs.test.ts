import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpOf, imageCases } from '../../composefs/fixtures.ts';

const gantry = fileURLToPath(new URL('../../../../bin/gantry', import.meta.url));
const wanted = imageCases.find(({ name }) => name === 'kinds') as (typeof imageCases)[0];
let folder: string;
let dump: string;

beforeAll(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'gantry-composefs-'));
  dump = join(folder, 'kinds.dump');
  fs.writeFileSync(dump, dumpOf('kinds'));
});

afterAll(() => fs.rmSync(folder, { recursive: true }));

function image(args: string[], input?: Uint8Array) {
  const { status, stdout, stderr } = spawnSync(gantry, ['composefs', 'image', ...args], {
    input,
    timeout: 60_000,
  });
  return { status, stdout, stderr: stderr.toString() };
}

describe('gantry composefs image', () => {
  it('writes the image of a dump and prints its digest', () => {
    const out = join(folder, 'a.erofs');
    const { status, stdout } = image(['--from-file', dump, out, '--print-digest']);
    expect([status, stdout.toString()]).toEqual([0, `${wanted.fsverity_digest}\n`]);
    expect(fs.statSync(out).size).toBe(wanted.image_size);
  });

  it('reads standard input and writes standard output, with the digest on standard error', () => {
    const { status, stdout, stderr } = image(
      ['--from-file', '-', '-', '--print-digest'],
      dumpOf('kinds'),
    );
    expect([status, stdout.length, stderr]).toEqual([
      0,
      wanted.image_size,
      `${wanted.fsverity_digest}\n`,
    ]);
  });

  it('prints JSON on request', () => {
    const out = join(folder, 'b.erofs');
    const { stdout } = image(['--from-file', dump, out, '--json']);

    expect(JSON.parse(stdout.toString())).toEqual({
      digest: wanted.fsverity_digest,
      size: wanted.image_size,
      path: out,
    });
  });

  it('images a directory and fills a store', () => {
    const tree = join(folder, 'tree');
    const store = join(folder, 'store');

    fs.mkdirSync(tree);
    fs.writeFileSync(join(tree, 'f'), Buffer.alloc(100));

    const { status, stdout } = image([
      tree,
      join(folder, 'c.erofs'),
      '--digest-store',
      store,
      '--print-digest',
    ]);

    expect([status, stdout.toString()]).toEqual([0, expect.stringMatching(/^[0-9a-f]{64}\n$/)]);
    expect(fs.readdirSync(store)).toHaveLength(1);
  });

  it.each([
    [
      'a malformed dump',
      'dump_invalid',
      ['--from-file', fileURLToPath(import.meta.url), '/dev/null'],
    ],
    ['a missing dump', 'io_error', ['--from-file', '/nonexistent', '/dev/null']],
    ['a missing directory', 'io_error', ['/nonexistent', '/dev/null']],
    ['a target that cannot be written', 'io_error', ['.', '/nonexistent/out']],
    ['no target', 'usage', ['.']],
    ['a directory besides a dump', 'usage', ['--from-file', '-', '.', '/dev/null']],
    ['a store besides a dump', 'usage', ['--from-file', '-', '/dev/null', '--digest-store', '.']],
  ])('ends with 2 and a coded error for %s', (_, code, args) => {
    const { status, stderr } = image(
      [...args, '--json'].map((arg) => (arg === '.' ? folder : arg)),
    );
    const last = stderr.trim().split('\n').at(-1) as string;
    expect([status, JSON.parse(last).error.code]).toEqual([2, code]);
  });
});

describe('gantry composefs dump', () => {
  const run = (args: string[], input?: Uint8Array) => {
    const { status, stdout, stderr } = spawnSync(gantry, ['composefs', 'dump', ...args], {
      input,
      timeout: 60_000,
    });
    return { status, stdout, stderr: stderr.toString() };
  };

  it('prints the dump that an image was made of', () => {
    const file = join(folder, 'dumped.erofs');
    image(['--from-file', dump, file]);

    const { status, stdout } = run([file]);
    expect([status, stdout.equals(dumpOf('kinds'))]).toEqual([0, true]);
    expect(run(['-'], fs.readFileSync(file)).stdout.equals(dumpOf('kinds'))).toBe(true);
  });

  it('lists the files as JSON on request', () => {
    const { stdout } = image(['--from-file', dump, '-']);
    const files = JSON.parse(run(['-', '--json'], stdout).stdout.toString());

    expect(files).toHaveLength(wanted.entries);
    expect(files.find(({ path }: { path: string }) => path === '/a/link')).toMatchObject({
      type: 'symlink',
      mode: '0777',
      target: 'target',
      size: 6,
    });
  });

  it('exits with 2 and a coded error for a file that is not an image, and for a missing file', () => {
    const bad = run([dump, '--json']);
    expect([bad.status, JSON.parse(bad.stderr).error.code]).toEqual([2, 'image_invalid']);
    const missing = run(['/nonexistent', '--json']);
    expect([missing.status, JSON.parse(missing.stderr).error.code]).toEqual([2, 'io_error']);
  });
});
