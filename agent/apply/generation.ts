import { readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../../shared/base/limits/index.ts';
import { errnoOf, isExhausted } from '../failure.ts';
import { removeTree, syncDirectory, syncFileSystem, unfinished, writeAtomic } from '../files.ts';
import type { AgentPaths } from '../paths.ts';
import type { ExpectedTree } from '../verify/expected-tree.ts';
import type { Store } from '../verify/store.ts';
import { layOutTree } from './lay-out-tree.ts';

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
  writablePaths: string[];
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
  writablePaths,
}: GenerationOptions): Promise<Generation> {
  const before = await currentGeneration(paths);
  const number = (await highestGeneration(paths)) + 1;
  const path = join(paths.generations, String(number));

  const building = join(paths.generations, `${unfinished}${number}`);
  await removeTree(building);
  await layOutTree({ tree, store, into: building, from: before?.path, writablePaths });
  await rename(building, path);

  await writeAtomic(recordPath(paths, number), desiredState, 0o600);
  await syncFileSystem(paths.generations);
  await switchTo(paths, number);

  return { number, path, desiredState };
}

/** Points `current` to a generation, by one rename. */
async function switchTo(paths: AgentPaths, number: number): Promise<void> {
  const temporary = join(paths.dir, `${unfinished}current`);
  await rm(temporary, { recursive: true, force: true });
  await symlink(join('generations', String(number)), temporary);

  try {
    await rename(temporary, paths.current);
  } catch (error) {
    // Somebody made a directory in place of the link.
    if (errnoOf(error) !== 'EISDIR') throw error;
    await removeTree(paths.current);
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
 * always stays.
 */
export async function cleanGenerations(paths: AgentPaths): Promise<void> {
  await rm(join(paths.dir, `${unfinished}current`), { recursive: true, force: true });

  const current = (await currentGeneration(paths))?.number;
  const names = await readdir(paths.generations);
  const numbers = names.map(Number).filter(Number.isSafeInteger);
  // A number above the running one was laid out and never switched to: a crash came between.
  const before = numbers
    .filter((number) => current === undefined || number < current)
    .sort((a, b) => b - a);
  const kept = new Set([current, ...before.slice(0, limits.agentGenerationsKept - 1)]);

  for (const name of names) {
    const number = Number(name.replace(/\.state\.json$/, ''));
    if (!name.startsWith(unfinished) && kept.has(number)) continue;
    // A service that still writes there can delay the removal, but not the next generation.
    await removeTree(join(paths.generations, name)).catch(() => undefined);
  }
}

async function highestGeneration(paths: AgentPaths): Promise<number> {
  const names = await readdir(paths.generations);
  return Math.max(0, ...names.map(Number).filter(Number.isSafeInteger));
}

function recordPath(paths: AgentPaths, number: number): string {
  return join(paths.generations, `${number}.state.json`);
}
