import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { treeFromDirectory } from '../../../shared/composefs/directory.ts';
import { fsVerityDigest } from '../../../shared/composefs/fs-verity.ts';
import { composefsImage, imageOfTree } from '../../../shared/composefs/image.ts';
import { entry } from './fixtures.ts';

let folder: string;
let tree: string;

beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'composefs-'));
  tree = join(folder, 'tree');
  fs.mkdirSync(tree);
});

afterEach(() => fs.rmSync(folder, { recursive: true }));

const large = Buffer.alloc(5000, 'content ');
const verity = fsVerityDigest(large);

/** A directory with a file of each kind that needs no privileges. */
function fill(): void {
  fs.mkdirSync(join(tree, 'd'));
  fs.writeFileSync(join(tree, 'd', 'small'), 'small\n');
  fs.writeFileSync(join(tree, 'd', 'empty'), '');
  fs.writeFileSync(join(tree, 'large'), large);
  fs.linkSync(join(tree, 'large'), join(tree, 'd', 'twin'));
  fs.symlinkSync('nowhere/ü', join(tree, 'link'));
  expect(spawnSync('mkfifo', [join(tree, 'fifo')]).status).toBe(0);
  for (const name of ['d/small', 'd/empty', 'large']) fs.chmodSync(join(tree, name), 0o640);
  fs.chmodSync(join(tree, 'fifo'), 0o600);

  for (const name of ['link', 'large', 'd/small', 'd/empty', 'd', '.']) {
    fs.lutimesSync(join(tree, name), 0, 1_700_000_000.25);
  }

  // Node sets no times before 1970.
  expect(spawnSync('touch', ['-d', '1969-12-31T23:59:58.5Z', join(tree, 'fifo')]).status).toBe(0);
  fs.lutimesSync(tree, 0, 1_700_000_000.25);
  fs.chmodSync(join(tree, 'd'), 0o1755);
  fs.chmodSync(tree, 0o755);
}

describe('treeFromDirectory', () => {
  it('gives the image that the entries of the same tree give', () => {
    fill();
    const { uid, gid } = fs.statSync(tree);
    const common = { uid, gid, mtime: 1_700_000_000, mtime_ns: 250_000_000 };
    const content = Buffer.from('small\n').toString('base64');

    const entries = [
      entry({ path: '/', type: 'directory', ...common }),
      entry({ path: '/d', type: 'directory', ...common, mode: 0o1755 }),
      entry({ path: '/d/empty', type: 'file', ...common, mode: 0o640 }),
      entry({ path: '/d/small', type: 'file', ...common, mode: 0o640, size: 6, content }),
      entry({ path: '/d/twin', type: 'file', ...common, mode: 0o640, size: 5000, verity }),
      entry({
        path: '/fifo',
        type: 'fifo',
        ...common,
        mode: 0o600,
        mtime: -2,
        mtime_ns: 500_000_000,
      }),
      entry({ path: '/large', type: 'file', ...common, mode: 0o640, size: 5000, verity }),
      entry({ path: '/link', type: 'symlink', ...common, mode: 0o777, target: 'nowhere/ü' }),
    ];

    expect(imageOfTree(treeFromDirectory(tree)).digest).toBe(composefsImage(entries).digest);
  });

  it('copies files that are not inline to the store by their digest, and leaves those that are there', () => {
    fill();
    const digestStore = join(folder, 'store');

    treeFromDirectory(tree, { digestStore });
    const stored = join(digestStore, verity.slice(0, 2), verity.slice(2));

    expect(fs.readdirSync(digestStore, { recursive: true }).sort()).toEqual(
      [verity.slice(0, 2), join(verity.slice(0, 2), verity.slice(2))].sort(),
    );
    expect(fs.readFileSync(stored).equals(large)).toBe(true);
    expect(fs.statSync(stored).mode & 0o777).toBe(0o644);

    const { ino } = fs.statSync(stored);
    treeFromDirectory(tree, { digestStore });
    expect(fs.statSync(stored).ino).toBe(ino);
  });

  it('keeps names that are not UTF-8', () => {
    fs.writeFileSync(Buffer.concat([Buffer.from(`${tree}/`), Buffer.from([0xff, 0x0a])]), 'x');
    expect(treeFromDirectory(tree).children.map((child) => child.name)).toEqual(['\xff\n']);
  });

  it('says when extended attributes cannot be read', () => {
    const path = process.env.PATH;
    const warnings: string[] = [];

    process.env.PATH = folder;
    try {
      treeFromDirectory(tree, { warn: (sentence) => warnings.push(sentence) });
    } finally {
      process.env.PATH = path;
    }

    expect(warnings).toEqual([
      'extended attributes were not read, because the program getfattr is not installed',
    ]);
  });

  it('refuses what is not there and what is not a directory with io_error', () => {
    fs.writeFileSync(join(tree, 'file'), '');
    const ioError = expect.objectContaining({ code: 'io_error' });
    expect(() => treeFromDirectory(join(tree, 'missing'))).toThrow(ioError);
    expect(() => treeFromDirectory(join(tree, 'file'))).toThrow(ioError);
  });
});
