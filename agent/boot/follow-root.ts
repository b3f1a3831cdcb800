import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readClaimedContent } from '../../shared/director/index.ts';
import type { Agent } from '../agent.ts';
import type { Generation } from '../apply/generation.ts';
import { readIfPresent, writeAtomic } from '../files.ts';
import { bootedGeneration } from '../mount/booted.ts';
import { recordPath } from '../mount/generation-names.ts';
import { startServices } from '../services/run-services.ts';
import { readServicesRecord } from '../services/services-record.ts';
import { metadataPath } from '../verify/expected-tree.ts';
import type { Remark } from '../verify/remark.ts';
import { changedModules } from './changed-modules.ts';
import { decideRoot, type RootFacts, type RootStep } from './decide-root.ts';
import { prepareNextRoot } from './next-root.ts';
import { findRebootRequired } from './reboot-required.ts';
import { findSoftRebootObstacle, softReboot } from './soft-reboot.ts';
import { endTrial, readTrial, writeTrial } from './trial.ts';

export interface FollowOptions {
  /** The generation that `current` names. */
  generation: Generation;
  health: RootFacts['health'];
}

export interface Followed {
  remarks: Remark[];
  /** The root that failed its trial, and the generation to return to. */
  failed?: { generation: number; to: number };
}

/**
 * Lets PID 1's own root follow `current` on a machine that booted from its composition, after the
 * services were run. A new root is on trial until it is healthy, and the one before it is kept.
 */
export async function followRoot(
  agent: Pick<Agent, 'paths' | 'config' | 'store'>,
  { generation, health }: FollowOptions,
): Promise<Followed> {
  const { paths, config } = agent;
  const booted = await bootedGeneration(paths);
  if (booted !== undefined) await showMetadata(generation);

  const step = decideRoot({
    booted,
    current: generation.number,
    trial: await readTrial(paths),
    health,
    ...(await compareRoots(agent, booted, generation)),
  });

  const writablePaths = config.writable_paths;
  const mounts = { paths, number: generation.number, writablePaths };
  return takeStep(step, mounts);
}

async function takeStep(
  step: RootStep,
  mounts: Parameters<typeof prepareNextRoot>[0],
): Promise<Followed> {
  const { paths, number } = mounts;
  switch (step.kind) {
    case 'nothing':
      break;
    case 'accept':
      await endTrial(paths);
      break;
    case 'wait':
      await writeTrial(paths, step.trial);
      break;
    case 'soft-reboot':
      await prepareNextRoot(mounts);
      await writeTrial(paths, step.trial);
      await softReboot();
      break;
    case 'pending':
      await writeTrial(paths, step.trial);
      return { remarks: [pendingRemark(number, step.why)] };
    case 'return':
      return { remarks: [], failed: { generation: step.failed, to: step.to } };
  }

  return { remarks: [] };
}

function pendingRemark(number: number, why: string): Remark {
  const message = `Generation ${number} becomes the root of the machine at its next boot. ${why}`;
  return { code: 'pending_reboot', message };
}

/** What a generation changes of the booted root, by the records of both. */
async function compareRoots(
  agent: Pick<Agent, 'paths' | 'config' | 'store'>,
  booted: number | undefined,
  { number, desiredState }: Generation,
): Promise<Pick<RootFacts, 'isServicesOnly' | 'obstacle'>> {
  if (booted === undefined) return { isServicesOnly: false, obstacle: undefined };

  const { paths } = agent;
  const [before, after] = [await readIfPresent(recordPath(paths, booted)), desiredState].map(
    (bytes) => (bytes === undefined ? undefined : readClaimedContent(bytes).custom),
  );
  const softRebootObstacle = await findSoftRebootObstacle();
  if (before === undefined || after === undefined) {
    return { isServicesOnly: false, obstacle: softRebootObstacle };
  }

  const changed = changedModules(before, after);
  const serviced = new Set((await readServicesRecord(paths, number))?.modules);
  const asking = await findRebootRequired(agent, after, changed);
  if (asking.length > 0) {
    const obstacle = `The version of ${asking.join(', ')} needs a reboot.`;
    return { isServicesOnly: false, obstacle };
  }

  const isServicesOnly = [...changed].every((name) => serviced.has(name));
  return { isServicesOnly, obstacle: softRebootObstacle };
}

/** Restarts user space in the root that a machine returns to. It was good, so it has no trial. */
export async function returnRoot(
  { paths, config }: Pick<Agent, 'paths' | 'config'>,
  number: number,
): Promise<void> {
  await endTrial(paths);
  if ((await bootedGeneration(paths)) === number) return;
  if ((await findSoftRebootObstacle()) !== undefined) return;

  // The units are in /run, which stays, and name the root that failed.
  await startServices(paths);
  await prepareNextRoot({ paths, number, writablePaths: config.writable_paths });
  await softReboot();
}

/** PID 1's `/run` is not that of the generation, which has the file for the services in it. */
async function showMetadata({ path }: Generation): Promise<void> {
  const bytes = await readIfPresent(join(path, metadataPath));
  if (bytes === undefined || (await readIfPresent(metadataPath))?.equals(bytes)) return;

  await mkdir(dirname(metadataPath), { recursive: true });
  await writeAtomic(metadataPath, bytes);
}
