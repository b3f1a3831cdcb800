import { readdir, readFile, readlink, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../../shared/base/limits/index.ts';
import { errnoOf, isExhausted } from '../failure.ts';
import { removeTree, syncDirectory, syncFileSystem, unfinished, writeAtomic } from '../files.ts';
import { requireNoMounts } from '../mounts.ts';
import type { AgentPaths } from '../paths.ts';
import type { ExpectedTree } from '../verify/expected-tree.ts';
import type { Store } from '../verify/store.ts';
import { layOutTree } from './lay-out-tree.ts';
import { layOutShippedData } from './shipped-data.ts';

/**
 * A root file system that was laid out here, with the bytes of the desired state that it was made
 * from.
 */
export interface Generation {
  number: number;
  /** Path of the root file system. */
  path: string;
  /**
   * Undefined when the record is gone: the generation cannot be verified then, and is laid out
   * again.
   */
  desiredState: Buffer | undefined;
}

/** The generation that `current` points to; undefined when it points to none. */
export async function currentGeneration(paths: AgentPaths): Promise<Generation | undefined> {
  let target: string;
  try {
    target = await readlink(paths.current);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EINVAL') return undefined;
    throw error;
  }

  const number = Number(/^generations\/([1-9]\d*)$/.exec(target)?.[1]);
  if (!Number.isSafeInteger(number)) return undefined;

  return {
    number,
    path: join(paths.generations, String(number)),
    desiredState: await readRecord(paths, number),
  };
}

async function readRecord(paths: AgentPaths, number: number): Promise<Buffer | undefined> {
  try {
    return await readFile(recordPath(paths, number));
  } catch (error) {
    if (isExhausted(error)) throw error;
    return undefined;
  }
}

export interface GenerationOptions {
  paths: AgentPaths;
  store: Store;
  tree: ExpectedTree;
  /** The bytes of the desired state that the tree was made from. */
  desiredState: Buffer;
}

/**
 * Lays out the next generation and switches to it. A crash at any point leaves `current` on the old
 * or the new root, each whole: everything is on the disk before the one rename that switches.
 */
export async function buildGeneration({
  paths,
  store,
  tree,
  desiredState,
}: GenerationOptions): Promise<Generation> {
  const number = (await highestGeneration(paths)) + 1;
  const path = join(paths.generations, String(number));

  const building = join(paths.generations, `${unfinished}${number}`);
  await removeTree(building);
  await layOutTree({ ...tree, store, into: building });
  await rename(building, path);

  await writeAtomic(recordPath(paths, number), desiredState, 0o600);
  await layOutShippedData(tree, store, paths);
  await syncFileSystem(paths.generations);
  await switchTo(paths, number);

  return { number, path, desiredState };
}

/** Points `current` to a generation, by one rename. */
async function switchTo(paths: AgentPaths, number: number): Promise<void> {
  const temporary = join(paths.dir, `${unfinished}current`);
  await removeTree(temporary);
  await symlink(join('generations', String(number)), temporary);

  try {
    await rename(temporary, paths.current);
  } catch (error) {
    // Somebody made a directory in place of the link. What is in it is not the agent's to remove.
    if (errnoOf(error) !== 'EISDIR') throw error;
    await requireNoMounts(paths.current);
    await rename(paths.current, `${paths.current}.replaced-${number}`);
    await rename(temporary, paths.current);
  }

  await syncDirectory(paths.dir);
}

/** Records that a generation is also what a newer desired state describes. */
export async function adoptState(
  paths: AgentPaths,
  number: number,
  desiredState: Buffer,
): Promise<void> {
  await writeAtomic(recordPath(paths, number), desiredState, 0o600);
}

/**
 * Removes the leftovers of a crash, and all generations except the newest few. The running one
 * always stays, and so does one with a mount in it.
 *
 * @throws the first failure, once everything else is removed.
 */
export async function cleanGenerations(paths: AgentPaths): Promise<void> {
  const current = (await currentGeneration(paths))?.number;
  const names = await readdir(paths.generations);
  const numbers = names.map(Number).filter(Number.isSafeInteger);
  // A number above the running one was laid out and never switched to: a crash came between.
  const before = numbers
    .filter((number) => current === undefined || number < current)
    .sort((a, b) => b - a);
  const kept = new Set([current, ...before.slice(0, limits.agentGenerationsKept - 1)]);

  const failures: unknown[] = [];
  for (const name of names) {
    const number = Number(name.replace(/\.state\.json$/, ''));
    if (!name.startsWith(unfinished) && kept.has(number)) continue;

    await removeTree(join(paths.generations, name)).catch((error) => failures.push(error));
  }

  if (failures.length > 0) throw failures[0];
}

async function highestGeneration(paths: AgentPaths): Promise<number> {
  const names = await readdir(paths.generations);
  return Math.max(0, ...names.map(Number).filter(Number.isSafeInteger));
}

function recordPath(paths: AgentPaths, number: number): string {
  return join(paths.generations, `${number}.state.json`);
}
