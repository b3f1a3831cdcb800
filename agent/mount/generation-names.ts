import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../failure.ts';
import type { AgentPaths } from '../paths.ts';
import { parts } from './mount-commands.ts';

/**
 * A generation's names in `generations/`: the root, the bytes of the desired state that it was made
 * from, and, where it is mounted, what it is mounted from.
 */
const nameForm = /^([1-9]\d*)(\.state\.json|\.mount)?$/;

export const recordSuffix = '.state.json';

/** The number of the generation that a name belongs to; undefined when it belongs to none. */
export function numberOf(name: string): number | undefined {
  const number = Number(nameForm.exec(name)?.[1]);
  return Number.isSafeInteger(number) ? number : undefined;
}

export function generationPath({ generations }: AgentPaths, number: number): string {
  return join(generations, String(number));
}

export function recordPath(paths: AgentPaths, number: number): string {
  return generationPath(paths, number) + recordSuffix;
}

/** What a mounted generation is mounted from; a generation that was laid out has no such path. */
export function partsPath(paths: AgentPaths, number: number): string {
  return `${generationPath(paths, number)}.mount`;
}

/** Whether a generation is one that is mounted. It need not be mounted now. */
export function isMountable(paths: AgentPaths, number: number): boolean {
  return isDirectory(partsPath(paths, number));
}

/** Tells the mount of one generation from all others, also after a reboot. */
export function sourceName(paths: AgentPaths, number: number): string {
  const { ino } = lstatSync(join(partsPath(paths, number), parts.top));
  return `gantry-${number}-${ino}`;
}

export function isDirectory(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return false;
    throw error;
  }
}
