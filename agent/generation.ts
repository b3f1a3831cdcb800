import { readdir, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../shared/base/limits/index.ts';
import {
  errnoOf,
  removeTree,
  syncDirectory,
  syncFileSystem,
  unfinished,
  writeAtomic,
} from './files.ts';
import { materialise } from './materialise.ts';
import type { AgentPaths } from './paths.ts';
import type { Plan } from './plan.ts';
import type { Store } from './store.ts';

/** A root file system that was laid out here, with the bytes of the desired state that it was made of. */
export interface Generation {
  number: number;
  root: string;
  /** Undefined when its record is gone, upon which it cannot be judged and is made anew. */
  desiredState: Buffer | undefined;
}

/** The generation that `current` points to; undefined when there is none or it points anywhere else. */
export async function currentGeneration(paths: AgentPaths): Promise<Generation | undefined> {
  let target: string;
  try {
    target = await readlink(paths.current);
  } catch (error) {
    const code = errnoOf(error);
    if (code === 'ENOENT' || code === 'EINVAL') return undefined;
    throw error;
  }
  const number = Number(/^generations\/([1-9]\d*)$/.exec(target)?.[1]);
  if (!Number.isSafeInteger(number)) return undefined;
  const desiredState = await readFile(statePath(paths, number)).catch(() => undefined);
  return { number, root: join(paths.generations, String(number)), desiredState };
}

export interface BuildOptions {
  paths: AgentPaths;
  store: Store;
  plan: Plan;
  desiredState: Buffer;
  writablePaths: string[];
}

/**
 * Lays out the next generation and switches to it. A crash at any point leaves `current` on the old or the new root, each
 * whole: everything is on the disk before the one rename that switches.
 */
export async function buildGeneration({
  paths,
  store,
  plan,
  desiredState,
  writablePaths,
}: BuildOptions): Promise<Generation> {
  const before = await currentGeneration(paths);
  const number = (await highestGeneration(paths)) + 1;
  const root = join(paths.generations, String(number));
  const building = join(paths.generations, `${unfinished}${number}`);
  await removeTree(building);
  await materialise({ tree: plan.tree, store, into: building, from: before?.root, writablePaths });
  await rename(building, root);
  await writeAtomic(statePath(paths, number), desiredState, 0o600);
  await syncFileSystem(paths.generations);
  await switchTo(paths, number);
  return { number, root, desiredState };
}

/** Points `current` to a generation by one rename. */
async function switchTo(paths: AgentPaths, number: number): Promise<void> {
  const temporary = join(paths.dir, `${unfinished}current`);
  await rm(temporary, { recursive: true, force: true });
  await symlink(join('generations', String(number)), temporary);
  try {
    await rename(temporary, paths.current);
  } catch (error) {
    // Somebody put a directory in the link's place.
    if (errnoOf(error) !== 'EISDIR') throw error;
    await removeTree(paths.current);
    await rename(temporary, paths.current);
  }
  await syncDirectory(paths.dir);
}

/** Notes that a generation is also what a newer desired state asks for. */
export async function adoptState(
  paths: AgentPaths,
  number: number,
  desiredState: Buffer,
): Promise<void> {
  await writeAtomic(statePath(paths, number), desiredState, 0o600);
}

/** Removes what a crash left, and all generations but the newest few (the running one always stays). */
export async function cleanGenerations(paths: AgentPaths): Promise<void> {
  await rm(join(paths.dir, `${unfinished}current`), { recursive: true, force: true });
  const current = (await currentGeneration(paths))?.number;
  const names = await readdir(paths.generations);
  const numbers = names.map(Number).filter(Number.isSafeInteger);
  const before = numbers
    .filter((number) => current === undefined || number < current)
    .sort((a, b) => b - a);
  // A number above the running one was laid out and never switched to: a crash came between.
  const kept = new Set([current, ...before.slice(0, limits.agentGenerationsKept - 1)]);
  for (const name of names) {
    const number = Number(name.replace(/\.state\.json$/, ''));
    if (!name.startsWith(unfinished) && kept.has(number)) continue;
    // What still writes there can hold this up, but no newer root: it is removed another time.
    await removeTree(join(paths.generations, name)).catch(() => undefined);
  }
}

async function highestGeneration(paths: AgentPaths): Promise<number> {
  const names = await readdir(paths.generations);
  return Math.max(0, ...names.map(Number).filter(Number.isSafeInteger));
}

function statePath(paths: AgentPaths, number: number): string {
  return join(paths.generations, `${number}.state.json`);
}
