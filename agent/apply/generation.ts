import { mkdir, readdir, readFile, readlink, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../../shared/base/limits/index.ts';
import { errnoOf, isExhausted } from '../failure.ts';
import { removeTree, syncDirectory, syncFileSystem, unfinished, writeAtomic } from '../files.ts';
import type { Layout } from '../mount/choose-layout.ts';
import {
  type MountOptions,
  mountGeneration,
  unmountGeneration,
} from '../mount/generation-mounts.ts';
import {
  generationPath,
  isMountable,
  numberOf,
  partsPath,
  recordPath,
} from '../mount/generation-names.ts';
import { parts } from '../mount/mount-commands.ts';
import { isInUse } from '../mount/users.ts';
import { requireNoMounts } from '../mounts.ts';
import type { AgentPaths } from '../paths.ts';
import type { ExpectedTree } from '../verify/expected-tree.ts';
import type { Store } from '../verify/store.ts';
import { layOutTop, layOutTree, mountedPaths } from './lay-out-tree.ts';
import { layOutShippedData } from './shipped-data.ts';

/**
 * A root file system that was made here, with the bytes of the desired state that it was made from.
 */
export interface Generation {
  number: number;
  /** Path of the root file system. */
  path: string;
  layout: Layout;
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

  return describeGeneration(paths, number, await readRecord(paths, number));
}

function describeGeneration(
  paths: AgentPaths,
  number: number,
  desiredState: Buffer | undefined,
): Generation {
  return {
    number,
    path: generationPath(paths, number),
    layout: isMountable(paths, number) ? 'mount' : 'copy',
    desiredState,
  };
}

/** The bytes of the desired state that a generation was made from. */
export async function readRecord(paths: AgentPaths, number: number): Promise<Buffer | undefined> {
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
  layout: Layout;
  /** The image that the desired state signs, as a link in `N.mount` names it. */
  image: string;
  writablePaths: readonly string[];
  /** The bytes of the desired state that the tree was made from. */
  desiredState: Buffer;
}

/**
 * Makes the next generation, mounted or laid out, and switches to it. A crash at any point leaves
 * `current` on the old or the new root, each whole: everything is on the disk, and mounted, before
 * the one rename that switches.
 */
export async function buildGeneration(options: GenerationOptions): Promise<Generation> {
  const { paths, store, tree, layout, writablePaths, desiredState } = options;
  const number = (await highestGeneration(paths)) + 1;

  const building = join(paths.generations, `${unfinished}${number}`);
  await removeTree(building);
  if (layout === 'mount') {
    // First, because data that is a directory is mounted, and any other is linked.
    await layOutShippedData(tree, store, paths);
    await layOutParts(options, building);
    await rename(building, partsPath(paths, number));
    await mkdir(generationPath(paths, number));
  } else {
    await layOutTree({ ...tree, store, into: building });
    await rename(building, generationPath(paths, number));
    await layOutShippedData(tree, store, paths);
  }

  await writeAtomic(recordPath(paths, number), desiredState, 0o600);
  await syncFileSystem(paths.generations);
  await switchGeneration({ paths, number, writablePaths });

  return describeGeneration(paths, number, desiredState);
}

/** Lays out what a generation is mounted from. */
async function layOutParts(
  { paths, store, tree, image }: GenerationOptions,
  into: string,
): Promise<void> {
  await mkdir(into, { mode: 0o700 });
  await mkdir(join(into, parts.erofs));
  await symlink(image, join(into, parts.image));
  // For the initramfs, which reads no JSON. A name with a line break is mounted by the agent.
  const mounted = mountedPaths(tree, paths.machineData).filter((path) => !path.includes('\n'));
  await writeAtomic(join(into, parts.data), mounted.map((path) => `${path}\n`).join(''));
  await layOutTop({ tree, store, machineData: paths.machineData, into: join(into, parts.top) });
}

/**
 * Points `current` to a generation that is here, by one rename, once it is mounted: the next one,
 * or an earlier one that the machine returns to. Nothing is fetched.
 */
export async function switchGeneration(options: MountOptions): Promise<void> {
  const { paths, number } = options;
  if (isMountable(paths, number)) await mountGeneration(options);
  await switchTo(paths, number);
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
 * always stays, and so do one with a mount in it and one that a process has as its root: a service
 * that no update restarted.
 *
 * @param pinned generations that the machine may return to
 * @throws the first failure, once everything else is removed.
 */
export async function cleanGenerations(
  paths: AgentPaths,
  writablePaths: readonly string[],
  pinned: readonly number[] = [],
): Promise<void> {
  const current = (await currentGeneration(paths))?.number;
  const names = await readdir(paths.generations);
  const numbers = new Set(names.map(numberOf));
  // A number above the running one was laid out and never switched to: a crash came between.
  const before = [...numbers]
    .filter((number) => number !== undefined)
    .filter((number) => current === undefined || number < current)
    .sort((a, b) => b - a);
  const kept = new Set([current, ...pinned, ...before.slice(0, limits.agentGenerationsKept - 1)]);

  const failures: unknown[] = [];
  for (const number of numbers) {
    if (number === undefined || kept.has(number)) continue;
    await removeGeneration({ paths, number, writablePaths }).catch((error) => failures.push(error));
  }

  for (const name of names.filter((name) => numberOf(name) === undefined)) {
    await removeTree(join(paths.generations, name)).catch((error) => failures.push(error));
  }

  if (failures.length > 0) throw failures[0];
}

/** The record goes last, because what is left of a generation needs its content. */
async function removeGeneration(options: MountOptions): Promise<void> {
  const { paths, number } = options;
  if (await isInUse(paths, number)) return;

  if (isMountable(paths, number)) await unmountGeneration(options);
  for (const path of [generationPath, partsPath, recordPath]) await removeTree(path(paths, number));
}

async function highestGeneration(paths: AgentPaths): Promise<number> {
  const names = await readdir(paths.generations);
  return Math.max(0, ...names.map(numberOf).filter((number) => number !== undefined));
}
