import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readIfPresent, syncDirectory, writeAtomic } from '../files.ts';
import type { AgentPaths } from '../paths.ts';

/**
 * A root that was booted, or waits for a boot, and has not been healthy yet. The script of the
 * initramfs reads and counts too, so the file is one line of numbers.
 */
export interface Trial {
  generation: number;
  /** The root that the machine returns to. */
  previous: number;
  /** How often it was booted. */
  boots: number;
  /** How often the agent looked at it and did not find it healthy. */
  looks: number;
}

const lineForm = /^(\d+) (\d+) (\d+) (\d+)\n$/;

/** The trial that is under way; undefined when there is none, or its file is damaged. */
export async function readTrial({ trial }: AgentPaths): Promise<Trial | undefined> {
  const line = (await readIfPresent(trial))?.toString() ?? '';
  const [, generation, previous, boots, looks] = (lineForm.exec(line) ?? []).map(Number);
  if (generation === undefined || previous === undefined) return undefined;
  return { generation, previous, boots: boots ?? 0, looks: looks ?? 0 };
}

export async function writeTrial({ trial }: AgentPaths, next: Trial): Promise<void> {
  await mkdir(dirname(trial), { recursive: true });
  const { generation, previous, boots, looks } = next;
  await writeAtomic(trial, `${generation} ${previous} ${boots} ${looks}\n`);
}

export async function endTrial({ trial }: AgentPaths): Promise<void> {
  if ((await readIfPresent(trial)) === undefined) return;
  await rm(trial, { force: true });
  await syncDirectory(dirname(trial));
}
