import { execFileSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { layOutTree } from '../../../../agent/apply/lay-out-tree.ts';
import { isRoot } from '../../../../agent/apply/tree-paths.ts';
import { removeTree } from '../../../../agent/files.ts';
import { inspectRoot } from '../../../../agent/inspect/inspect-root.ts';
import { findLeftOut } from '../../../../agent/inspect/left-out.ts';
import { ContentCheck } from '../../../../agent/verify/content-check.ts';
import type { ExpectedTree } from '../../../../agent/verify/expected-tree.ts';
import { Store } from '../../../../agent/verify/store.ts';
import { fsVerityDigest } from '../../../../shared/composefs/index.ts';
import type { TreeEntry } from '../../../../shared/domain/files/index.ts';
import { requires } from '../../../support/requirements.ts';

const long = Buffer.from(
  'more than sixty-four bytes, so that the content comes from the store and nowhere else\n',
);
const verity = fsVerityDigest(long);
const own = {
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  mtime: 1_000_000_000,
  mtime_ns: 0,
  size: 0,
};

let dir: string;
let store: Store;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gantry-materialise-'));
  store = new Store(join(dir, 'store'));
  await store.prepare();

  const sink = store.openSink();
  await sink.write(long);
  await sink.end(verity);
});
afterEach(() => removeTree(dir));

function tree(...entries: Partial<TreeEntry>[]): ExpectedTree {
  const root: TreeEntry = { ...own, path: '/', type: 'directory', mode: 0o755 };
  return {
    entries: [root, ...entries.map((entry) => ({ ...own, mode: 0o644, ...entry }) as TreeEntry)],
    shippedData: [],
    contents: new Map(),
    owners: new Map(),
    added: new Set<string>(),
  };
}

async function laid(expected: ExpectedTree): Promise<string> {
  const into = join(dir, 'root');
  await layOutTree({ ...expected, store, into });
  return into;
}

const leftOut = (expected: ExpectedTree) =>
  findLeftOut(expected, { path: join(dir, 'root'), layout: 'copy' }, { machineData: dir });

/** CAP_NET_RAW in the permitted set (capabilities(7), vfs_cap_data of revision 2). */
const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex').toString(
  'base64',
);

describe('a tree laid out', () => {
  it('has every kind of entry with its mode and time, also below directories closed to their owner', async () => {
    const expected = tree(
      { path: '/closed', type: 'directory', mode: 0o555, mtime: -5 },
      { path: '/closed/file', type: 'file', mode: 0o444, size: long.length, verity },
      { path: '/fifo', type: 'fifo', mode: 0o620 },
      { path: '/link', type: 'symlink', mode: 0o777, target: '../../outside', size: 13 },
      { path: '/null', type: 'character', mode: 0o666, rdev: 0x0103 },
      { path: '/suid', type: 'file', mode: 0o4755, size: long.length, verity },
    );

    const root = await laid(expected);
    expect(
      await inspectRoot({
        root,
        tree: expected,
        check: new ContentCheck(),
        layout: 'copy',
      }),
    ).toEqual([]);

    expect(lstatSync(join(root, 'closed')).mtimeMs).toBe(-5000);
    expect(lstatSync(join(root, 'link')).mtimeMs).toBe(own.mtime * 1000);
    expect(lstatSync(join(root, 'suid')).mode & 0o7777).toBe(0o4755);
    if (isRoot) expect(lstatSync(join(root, 'null')).rdev).toBe(0x0103);
    else
      expect(await leftOut(expected)).toMatchObject({
        message: expect.stringContaining('1 devices'),
        matters: true,
      });
  });

  const value = Buffer.from('a value').toString('base64');

  it('has the extended attributes of files, links and directories', async (context) => {
    requires(context, 'root', 'setfattr');
    const expected = tree(
      { path: '/a=b \\', type: 'directory', mode: 0o555, xattrs: { 'user.a': value } },
      { path: '/file', type: 'file', xattrs: { 'user.a': value, 'trusted.b': value } },
      { path: '/link', type: 'symlink', target: 'file', xattrs: { 'trusted.c': value } },
      { path: '/ping', type: 'file', mode: 0o755, xattrs: { 'security.capability': capability } },
    );
    const root = await laid(expected);

    const read = execFileSync('getfattr', ['-n', 'user.a', '--only-values', join(root, 'file')]);
    expect(read.toString()).toBe('a value');
    expect(await leftOut(expected)).toBeUndefined();
    execFileSync('setfattr', ['-x', 'user.a', join(root, 'file')]);
    expect(await leftOut(expected)).toEqual({
      message: 'Left out: the extended attributes of 1 entries.',
      matters: false,
    });
  });

  it.each([
    ['user.a', false],
    ['security.capability', true],
  ])('says when it lacks %s', async (name, matters) => {
    const expected = tree({ path: '/a', type: 'file', xattrs: { [name]: value } });
    expect(await leftOut(expected)).toEqual({
      message: 'Left out: the extended attributes of 1 entries.',
      matters,
    });
    expect(await leftOut(tree({ path: '/a', type: 'file' }))).toBeUndefined();
  });

  it('never writes where something already is', async () => {
    const expected = tree({ path: '/file', type: 'file', size: long.length, verity });
    await laid(expected);
    await expect(laid(expected)).rejects.toThrow('EEXIST');
  });
});
