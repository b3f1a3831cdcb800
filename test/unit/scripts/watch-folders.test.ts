import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchFolders } from '../../../scripts/watch-folders.ts';

let root: string;
let stop: () => void;
let next: Promise<string[]>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'gantry-watch-'));
  await mkdir(join(root, 'shared'));
  await writeFile(join(root, 'shared/old.ts'), '');
  next = new Promise((resolve) => {
    stop = watchFolders(root, ['shared'], async (files) => resolve(files));
  });
});

afterEach(async () => {
  stop();
  await rm(root, { recursive: true });
});

test('a file that is saved through a temporary one is named alone', async () => {
  await writeFile(join(root, 'shared/sedL2qjUP'), 'new');
  await rename(join(root, 'shared/sedL2qjUP'), join(root, 'shared/old.ts'));
  expect(await next).toEqual(['shared/old.ts']);
});

test('a file that is deleted is named', async () => {
  await rm(join(root, 'shared/old.ts'));
  expect(await next).toEqual(['shared/old.ts']);
});
