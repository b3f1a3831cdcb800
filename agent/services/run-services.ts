import { GantryError } from '../../shared/base/error.ts';
import type { VerifiedDesiredState } from '../../shared/director/index.ts';
import type { Agent } from '../agent.ts';
import { currentGeneration, type Generation } from '../apply/generation.ts';
import { addGood, contentKey, findFallback } from '../apply/good-generations.ts';
import { returnTo } from '../apply/return-to.ts';
import { bootedGeneration } from '../mount/booted.ts';
import type { AgentPaths } from '../paths.ts';
import { type AgentState, writeJson } from '../state.ts';
import type { Remark } from '../verify/remark.ts';
import type { VerifiedContent } from '../verify/verify-content.ts';
import { awaitHealthy } from './check-health.ts';
import { convergeServices, requireOwnUnits } from './converge-services.ts';
import { judgeServices } from './judge-services.ts';
import { makeServicesRecord } from './make-services-record.ts';
import { isStartKnown, prepareRuntime, readStarted, writeStarted } from './runtime.ts';
import {
  cleanServicesRecords,
  readServicesRecord,
  type ServicesRecord,
  writeServicesRecord,
} from './services-record.ts';

/**
 * Requires, before a switch, that the services of a root can become units of the machine.
 *
 * @throws `unit_foreign`; `service_failed` when one runs as a user that the root lacks
 */
export async function checkServices(
  { paths, store, config }: Pick<Agent, 'paths' | 'store' | 'config'>,
  content: VerifiedContent,
): Promise<void> {
  const isBooted = (await bootedGeneration(paths)) !== undefined;
  if (!hasServices(config, isBooted)) return;

  const options = { paths, store, content, root: paths.current, epoch: 0, isBooted };
  const { services } = await makeServicesRecord(options);
  await requireOwnUnits(
    paths,
    services.map(({ unit }) => unit),
  );
}

/** A machine that will boot from its composition is prepared where nothing of it runs. */
function hasServices({ way }: Agent['config'], isBooted: boolean): boolean {
  return way === 'services' || (way === 'root' && isBooted);
}

export interface SwitchedRoot {
  content: VerifiedContent;
  generation: Generation;
  /** Whether it replaced a root that was tampered with: every service gets the new one. */
  isRepair: boolean;
}

/**
 * Runs the services of the running generation, and judges them. A generation that fails its checks
 * after the switch to it is left for the last good one.
 *
 * @throws `rolled_back` when the machine returned to an earlier generation, whose services run
 */
export async function runServices(
  agent: Agent,
  { content, generation, isRepair }: SwitchedRoot,
  remarks: Remark[],
): Promise<void> {
  const { paths, store, config } = agent;
  const { number, path: root } = generation;
  const isBooted = (await bootedGeneration(paths)) !== undefined;
  let record: ServicesRecord | undefined;

  if (hasServices(config, isBooted)) {
    if (isRepair) agent.state = { ...agent.state, services_epoch: number };
    const epoch = agent.state.services_epoch;
    record = await makeServicesRecord({ paths, store, content, root, epoch, isBooted });
    await writeServicesRecord(paths, number, record);
    await cleanServicesRecords(paths);
  }

  await runRecorded(agent, { desired: content.desired, number, record }, remarks);
}

/**
 * As `runServices`, by the record of the running generation: it is right as long as nothing changed
 * since it was made.
 *
 * @throws `rolled_back`
 */
export async function rerunServices(
  agent: Agent,
  { desired, number }: { desired: VerifiedDesiredState; number: number },
  remarks: Remark[],
): Promise<void> {
  const record = await readServicesRecord(agent.paths, number);
  await runRecorded(agent, { desired, number, record }, remarks);
}

interface RecordedRoot {
  desired: VerifiedDesiredState;
  number: number;
  /** Undefined where the agent runs no services. */
  record: ServicesRecord | undefined;
}

async function runRecorded(
  agent: Agent,
  { desired, number, record }: RecordedRoot,
  remarks: Remark[],
): Promise<void> {
  const { paths } = agent;
  const key = contentKey(desired);
  if (record === undefined) return saveVerdict(agent, number, { goodContent: key });

  const booted = await bootedGeneration(paths);
  if (booted !== undefined) await noteBooted(paths, booted);
  const isNew = agent.state.judged_generation !== number;
  const faults = await runRecord(paths, record, { isNew, remarks });
  if (faults.length === 0) return saveVerdict(agent, number, { goodContent: key });

  const fallback = isNew ? findFallback(agent.state.good, key) : undefined;
  if (fallback === undefined) {
    remarks.push(...faults.map(({ code, message }) => ({ code, message })));
    return saveVerdict(agent, number, {});
  }

  const why = faults.map(({ message }) => message).join(' ');
  const error = new GantryError(
    'rolled_back',
    `Generation ${number} failed its checks, so generation ${fallback} runs again: ${why} It is tried again when the desired state changes.`,
    { cause: faults[0] },
  );
  const { message } = error;
  await returnTo(agent, { content: key, code: 'rolled_back', message, generation: fallback });
  remarks.push(...(await startServices(paths)));
  throw error;
}

/** The init started the services of the root that it booted, before any agent ran. */
async function noteBooted(paths: AgentPaths, booted: number): Promise<void> {
  await prepareRuntime(paths);
  if (await isStartKnown(paths)) return;

  const record = await readServicesRecord(paths, booted);
  if (record === undefined) return;
  await writeStarted(
    paths,
    record.services.map(({ unit, digest, after }) => ({ unit, digest, after })),
  );
}

/** Starts what a record says, and returns what is wrong with it. */
async function runRecord(
  paths: AgentPaths,
  record: ServicesRecord,
  { isNew, remarks }: { isNew: boolean; remarks: Remark[] },
): Promise<GantryError[]> {
  const { faults, pendingReboot } = await convergeServices({ paths, record, awaitHealthy: wait });

  if (pendingReboot.length > 0) {
    remarks.push({
      code: 'pending_reboot',
      message: `${pendingReboot.join(', ')} runs its new version after the next boot.`,
    });
  }

  const judged = await judgeServices(record, paths.machineData, { isNew });
  const known = new Set(faults.map(({ field }) => field));
  return [...faults, ...judged.filter(({ field }) => !known.has(field))];
}

async function wait(service: ServicesRecord['services'][number]): Promise<void> {
  await awaitHealthy(service);
}

/**
 * Runs the services of the generation that `current` names, by its record alone: after a boot, and
 * after a return to an earlier generation. Without a record the next tick does it.
 *
 * @returns what went wrong
 */
export async function startServices(paths: AgentPaths): Promise<Remark[]> {
  const generation = await currentGeneration(paths);
  if (generation === undefined) return [];

  const record = await readServicesRecord(paths, generation.number);
  if (record === undefined) return [];
  const { faults } = await convergeServices({ paths, record, awaitHealthy: wait });
  return faults.map(({ code, message }) => ({ code, message }));
}

/** Starts the services unless something was started since the boot. The tick reports faults. */
export async function startAfterBoot(paths: AgentPaths): Promise<void> {
  const booted = await bootedGeneration(paths);
  if (booted !== undefined) await noteBooted(paths, booted);
  if ((await readStarted(paths)).length === 0) await startServices(paths);
}

async function saveVerdict(
  agent: Agent,
  generation: number,
  { goodContent }: { goodContent?: string },
): Promise<void> {
  const { state } = agent;
  const good =
    goodContent === undefined ? state.good : addGood(state.good, generation, goodContent);
  await saveState(agent, { ...state, judged_generation: generation, good });
}

async function saveState(agent: Agent, next: AgentState): Promise<void> {
  if (JSON.stringify(next) === JSON.stringify(agent.state)) return;
  agent.state = next;
  await writeJson(agent.paths.state, next);
}
