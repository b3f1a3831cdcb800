import type { GantryError } from '../shared/base/error.ts';
import type { Agent } from './agent.ts';
import { type Applied, layOutGeneration, saveApplied } from './apply/apply-state.ts';
import { collectGarbage } from './apply/collect-garbage.ts';
import { countRepair, requireRepairDue } from './apply/repairs.ts';
import { findRunning, type Running } from './apply/running.ts';
import { type Action, decide } from './decide.ts';
import { endsEnrolment, toGantryError } from './failure.ts';
import type { HeldDesiredState } from './fetch/desired-state.ts';
import type { NotReceived } from './fetch/receive.ts';
import { inspectRunning } from './inspect/inspect-running.ts';
import { saveLastLook } from './inspect/last-look.ts';
import { findLeftOut } from './inspect/left-out.ts';
import { reportNothing, reportUnverified, reportVerified } from './report.ts';
import { checkServices, runServices } from './services/run-services.ts';
import { type TickResult, versionsOf } from './tick-result.ts';
import { attempt, clean, forgetUnneededRoots } from './tick-steps.ts';
import type { Remark } from './verify/remark.ts';
import { verifyContent } from './verify/verify-content.ts';

interface FullLook {
  action: Action;
  running: Running | undefined;
  /** Fingerprint of the files before the look. */
  files: string | undefined;
}

/** The rest of a tick whose content must be verified, whatever is known of it. */
export async function lookFully(
  agent: Agent,
  { action, running, files }: FullLook,
  remarks: Remark[],
): Promise<TickResult> {
  await agent.check.beginLook();
  if (action.kind !== 'inspect') return act(agent, action, remarks, running);
  return inspect(agent, { ...action, files }, remarks);
}

async function act(
  agent: Agent,
  action: Action,
  remarks: Remark[],
  running: Running | undefined,
): Promise<TickResult> {
  switch (action.kind) {
    case 'apply':
      return apply(agent, action.wanted, remarks, running);
    case 'inspect':
      return inspect(agent, action, remarks);
    case 'report': {
      const { because } = action;
      return {
        report: reportNothing(agent.state.applied_version, { because, remarks }),
        generation: 0,
      };
    }
  }
}

async function apply(
  agent: Agent,
  wanted: HeldDesiredState,
  remarks: Remark[],
  before: Running | undefined,
): Promise<TickResult> {
  const needed = before === undefined ? [wanted] : [wanted, before];
  // `current` or its record was changed.
  const isRepair = before === undefined && agent.state.applied_version === wanted.desired.version;
  try {
    if (isRepair) requireRepairDue(agent.state.repairs, agent.now());
    const applied = await applyState(agent, wanted, remarks);
    if (isRepair) noteRepair(agent);

    await attempt('The record of what runs could not be saved', remarks, () =>
      saveApplied(agent, applied),
    );
    await runServices(agent, { ...applied, isRepair }, remarks);
    await collect(agent, needed, remarks);

    const { content, generation } = applied;
    return {
      report: reportVerified(
        {
          config: agent.config,
          desired: content.desired,
          leftOut: await findLeftOut(content.tree, generation, agent.paths),
          isNew: true,
          problems: [],
          isRepaired: true,
        },
        { remarks },
      ),
      generation: generation.number,
      versions: versionsOf(agent, content.desired),
    };
  } catch (thrown) {
    if (endsEnrolment(thrown)) throw thrown;

    const error = toGantryError(thrown, 'The desired state could not be applied');

    return await afterFailure(agent, error, { needed, remarks });
  }
}

/**
 * Verifies a desired state with everything that it names, lays it out and switches to it. Nothing
 * is laid out for services that could not run here.
 */
async function applyState(
  agent: Agent,
  wanted: HeldDesiredState,
  remarks: Remark[],
): Promise<Applied> {
  const content = await verifyContent(wanted.desired, agent, remarks);
  await checkServices(agent, content);
  const generation = await layOutGeneration(agent, content, wanted.bytes);
  return { content, generation };
}

/** What a tick does once the desired state could not be applied, or did not stay. */
async function afterFailure(
  agent: Agent,
  error: GantryError,
  { needed, remarks }: { needed: HeldDesiredState[]; remarks: Remark[] },
): Promise<TickResult> {
  // Otherwise a server that sends different bytes each time fills the disk and blocks the repair.
  await collect(agent, needed, remarks);
  const running = await findRunning(agent, []);
  return act(agent, decide({ kind: 'refused', error }, running), remarks, running);
}

type Inspection = Extract<Action, { kind: 'inspect' }> & { files?: string | undefined };

async function inspect(
  agent: Agent,
  { running, held, because, files }: Inspection,
  remarks: Remark[],
): Promise<TickResult> {
  const inspected = await inspectRunning(agent, running, held, remarks);
  const { error } = inspected;

  if (error !== undefined && because !== undefined) {
    remarks.push({ code: error.code, message: error.message });
  }

  const reason = because ?? (error === undefined ? undefined : { kind: 'refused' as const, error });

  if (inspected.kind === 'unverified') return keepUnverified(agent, running, reason, remarks);

  const { content, generation, problems } = inspected;
  const isRepaired = error === undefined;
  const isRepair = problems.length > 0;

  if (isRepaired) {
    if (isRepair) {
      noteRepair(agent);
      await clean(agent, remarks);
    }

    await attempt('The record of what runs could not be saved', remarks, () =>
      saveApplied(agent, inspected),
    );

    const failed = await runServices(agent, { content, generation, isRepair }, remarks).catch(
      (thrown) => toGantryError(thrown, 'The services could not be run'),
    );
    if (failed?.code === 'rolled_back')
      return afterFailure(agent, failed, { needed: [held], remarks });
    if (failed !== undefined) remarks.push({ code: failed.code, message: failed.message });
  }

  if (reason === undefined) await forgetUnneededRoots(agent, held, remarks);
  const leftOut = await findLeftOut(content.tree, generation, agent.paths);
  if (isRepaired && !isRepair && !remarks.some(isTampered))
    await saveLastLook(agent, { running, held }, { files, leftOut });

  return {
    report: reportVerified(
      {
        config: agent.config,
        desired: content.desired,
        leftOut,
        isNew: false,
        problems,
        isRepaired,
      },
      { because: reason, remarks },
    ),
    generation: generation.number,
    versions: versionsOf(agent, content.desired),
  };
}

function isTampered({ code }: Remark): boolean {
  return code === 'store_tampered' || code === 'root_tampered';
}

/** The root keeps running although nobody knows whether it is right. */
async function keepUnverified(
  agent: Agent,
  running: Running,
  because: NotReceived | undefined,
  remarks: Remark[],
): Promise<TickResult> {
  await collect(agent, [running], remarks);
  const { desired, generation } = running;

  const noted = {
    applied_version: desired.version,
    composition_digest: desired.state.composition_digest,
    running_module_digests: agent.state.running_module_digests,
  };

  return {
    report: reportUnverified(noted, { because, remarks }),
    generation: generation.number,
    versions: versionsOf(agent, desired),
  };
}

function noteRepair(agent: Agent): void {
  agent.state = { ...agent.state, repairs: countRepair(agent.state.repairs, agent.now()) };
}

/** Removes content that none of these desired states needs. */
async function collect(agent: Agent, needed: HeldDesiredState[], remarks: Remark[]): Promise<void> {
  await clean(agent, remarks);
  await attempt('Unneeded content could not be removed', remarks, () =>
    collectGarbage(
      agent.paths,
      needed.map(({ desired }) => desired.state),
    ),
  );
}
