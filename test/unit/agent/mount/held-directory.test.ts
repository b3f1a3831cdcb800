import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeDirectory } from '../../../../agent/mount/held-directory.ts';

let work: string;
let top: string;

beforeEach(() => {
  work = mkdtempSync(join(tmpdir(), 'gantry-held-'));
  top = join(work, 'top');
  mkdirSync(top);
});
afterEach(() => rmSync(work, { recursive: true, force: true }));

const own = { mode: 0o2750, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

it('makes a directory with its mode, and leaves one that is there', async () => {
  await makeDirectory(top, { ...own, path: '/a' });
  await makeDirectory(top, { ...own, path: '/a', mode: 0o777 });

  expect(statSync(join(top, 'a')).mode & 0o7777).toBe(0o2750);
});

it.each(['/a', '/a/b'])('makes nothing behind a link at %s', async (link) => {
  const outside = join(work, 'outside');
  mkdirSync(outside);
  if (link !== '/a') mkdirSync(join(top, 'a'));
  symlinkSync(outside, join(top, link));

  await makeDirectory(top, { ...own, path: `${link}/new` });
  await makeDirectory(top, { ...own, path: link });

  expect(readdirSync(outside)).toEqual([]);
  expect(statSync(outside).mode & 0o7777).not.toBe(own.mode);
});

it('makes nothing where the directory above is missing', async () => {
  await makeDirectory(top, { ...own, path: '/a/b' });

  expect(readdirSync(top)).toEqual([]);
});
