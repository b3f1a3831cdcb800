import { chmodSync, linkSync, lstatSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { parentPath, type TreeEntry } from '../../shared/domain/files/index.ts';
import { errnoOf, toGantryError } from '../failure.ts';
import { removeTree, syncDirectory, syncFileSystem } from '../files.ts';
import { type HeldParent, withParent } from '../mount/held-directory.ts';
import type { AgentPaths } from '../paths.ts';
import { type ExpectedTree, isWithin } from '../verify/expected-tree.ts';
import type { Store } from '../verify/store.ts';
import { type LayOutOptions, layOutTree } from './lay-out-tree.ts';
import { isRoot } from './tree-paths.ts';

/** Where shipped data is made before it gets its name. */
const stagingName = '.gantry-unfinished';

/**
 * Lays out what modules ship among the machine's data, where the machine has nothing at that path.
 * What the machine has stays as it is, and nothing is laid out below what is not a directory.
 *
 * Services write here at the same time. So each missing subtree is made, whole, in a directory that
 * only the agent can enter, and then gets its name by one call that replaces nothing. A crash
 * leaves it there or not.
 */
export async function layOutShippedData(
  { shippedData, contents }: ExpectedTree,
  store: Store,
  { machineData }: AgentPaths,
): Promise<void> {
  const settled = new Set<string>();

  for (const { path } of shippedData) {
    if (path === '/') continue;
    if (settled.has(parentPath(path))) {
      settled.add(path);
      continue;
    }

    const found = await withParent(machineData, path, async (held) => {
      const target = `${held.parent}/${path.slice(path.lastIndexOf('/') + 1)}`;
      const stat = lstatSync(target, { throwIfNoEntry: false });
      if (stat !== undefined) return stat.isDirectory() ? 'directory' : 'other';

      const entries = shippedData.filter((entry) => isWithin(entry.path, [path]));
      await placeSubtree({ entries, contents, store, into: target }, held);
      return 'placed';
    }).catch((error) => {
      throw layOutError(join(machineData, path), error);
    });

    if (found !== 'directory') settled.add(path);
  }
}

async function placeSubtree(
  { into: target, ...subtree }: LayOutOptions,
  { base, parent }: HeldParent,
): Promise<void> {
  const [entry] = subtree.entries as [TreeEntry];
  const staging = `${base}/${stagingName}`;
  await removeTree(staging);
  mkdirSync(staging, 0o700);

  try {
    await withParent(staging, '/top', async (held) => {
      // The name could lead elsewhere by now, where others may write into `base`.
      const { uid, mode } = statSync(held.parent);
      if (uid !== process.geteuid?.() || (mode & 0o077) !== 0) return;

      const made = `${held.parent}/top`;
      await layOutTree({ ...subtree, into: made });
      // A link that was made may lead to a place that is not here.
      await syncFileSystem(held.parent);
      nameNew(made, target, entry);
    });
  } finally {
    await removeTree(staging);
  }

  await syncDirectory(parent);
}

/** Gives what was made its name, unless the machine took the name in the meantime. */
function nameNew(made: string, target: string, { type, mode }: TreeEntry): void {
  try {
    if (type === 'directory') moveDirectory(made, target, mode);
    else linkSync(made, target);
  } catch (error) {
    if (!['EEXIST', 'ENOTEMPTY', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
  }
}

/** Replaces an empty directory at most. Only root may move one that its owner cannot write to. */
function moveDirectory(made: string, target: string, mode: number): void {
  if (!isRoot) chmodSync(made, mode | 0o200);
  renameSync(made, target);
  if (!isRoot) chmodSync(target, mode);
}

/** Without the names of open directories, which differ from tick to tick. */
function layOutError(path: string, cause: unknown): GantryError {
  const step = `${path} could not be laid out`;
  const errno = errnoOf(cause);
  return errno === undefined
    ? toGantryError(cause, step)
    : new GantryError('io_error', `${step}: ${errno}.`, { cause });
}
