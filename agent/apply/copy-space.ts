import { constants, copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { addSpace, requireSpace, spaceOf } from '../disk-space.ts';
import { unfinished } from '../files.ts';
import type { AgentPaths } from '../paths.ts';
import type { ExpectedTree } from '../verify/expected-tree.ts';
import { isStored, type Store } from '../verify/store.ts';

/**
 * Requires that the disk has room for a copy of a root, before the first file of it is made. A
 * reflink shares the blocks of the store.
 *
 * @throws `disk_full`
 */
export async function requireCopySpace(
  { entries, contents }: ExpectedTree,
  store: Store,
  { generations }: AgentPaths,
): Promise<void> {
  const files = entries.filter(({ type }) => type === 'file');
  const copied = files.filter((entry) => isStored(entry) && !contents.has(entry.path));
  const sharesBlocks = canReflink(
    copied.map(({ verity }) => store.objectPath(verity as string)),
    generations,
  );

  const shared = new Set(sharesBlocks ? copied : []);
  const written = files.filter((entry) => !shared.has(entry));
  const blocks = spaceOf(written.map(({ size }) => size));
  const others = { bytes: 0, inodes: entries.length - written.length };
  await requireSpace(generations, addSpace(blocks, others), 'A copy of the root file system');
}

/** Tries it with one object, since a file system does not say whether it can. */
function canReflink([object]: string[], into: string): boolean {
  if (object === undefined) return false;

  const target = join(into, `${unfinished}reflink`);
  try {
    copyFileSync(object, target, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(target, { force: true });
  }
}
