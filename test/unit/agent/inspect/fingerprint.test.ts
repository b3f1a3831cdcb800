import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeFingerprint } from '../../../../agent/inspect/fingerprint.ts';

let dir: string;
let root: string;
const inRoot = (path: string) => join(root, path);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'gantry-fingerprint-'));
  root = join(dir, 'root');
  mkdirSync(inRoot('etc/deep'), { recursive: true });
  mkdirSync(inRoot('run'));
  for (const path of ['etc/file', 'etc/deep/file']) writeFileSync(inRoot(path), 'content');
  symlinkSync('file', inRoot('etc/link'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const take = () => takeFingerprint([{ top: root, skipped: [inRoot('run')] }]);

const changes: Record<string, () => void> = {
  'other content of the same size and time': () => {
    const { atime, mtime } = statSync(inRoot('etc/deep/file'));
    writeFileSync(inRoot('etc/deep/file'), 'CONTENT');
    utimesSync(inRoot('etc/deep/file'), atime, mtime);
  },
  'another mode': () => chmodSync(inRoot('etc/file'), 0o600),
  'another mode of a directory': () => chmodSync(inRoot('etc/deep'), 0o700),
  'a file that was added': () => writeFileSync(inRoot('etc/deep/added'), ''),
  'a file that was removed': () => rmSync(inRoot('etc/file')),
  'another target of a link': () => {
    rmSync(inRoot('etc/link'));
    symlinkSync('FILE', inRoot('etc/link'));
  },
  'a file in place of a directory': () => {
    rmSync(inRoot('etc/deep'), { recursive: true });
    writeFileSync(inRoot('etc/deep'), '');
  },
  'another directory with the same names': () => {
    renameSync(inRoot('etc/deep'), join(dir, 'old'));
    mkdirSync(inRoot('etc/deep'));
    writeFileSync(inRoot('etc/deep/file'), 'content');
  },
  'a root that is gone': () => rmSync(root, { recursive: true }),
};

describe('the fingerprint of a tree', () => {
  it('is the same while nothing changes, also where it does not look', async () => {
    const before = await take();
    writeFileSync(inRoot('run/pid'), '1');
    expect((await take())?.digest).toBe(before?.digest);
  });

  it.each(Object.keys(changes))('differs by %s', async (name) => {
    const before = await take();
    // The kernel takes change times from a clock with ticks of up to 10 ms.
    await sleep(20);
    changes[name]?.();
    expect((await take())?.digest).not.toBe(before?.digest);
  });

  it('says nothing while something changed just now', async () => {
    expect(await take()).toMatchObject({ isSettled: false });
    await sleep(1100);
    expect(await take()).toMatchObject({ isSettled: true });
  });
});
