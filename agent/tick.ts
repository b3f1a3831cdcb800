import type { GantryError } from '../shared/base/error.ts';
import type { AgentReport } from '../shared/contract/machines/index.ts';
import { moduleLabel } from '../shared/domain/templates/index.ts';
import type { Agent } from './agent.ts';
import { type Applied, layOutGeneration, saveApplied } from './apply/apply-state.ts';
import { collectGarbage } from './apply/collect-garbage.ts';
import { cleanGenerations, currentGeneration, type Generation } from './apply/generation.ts';
import { contentKey } from './apply/good-generations.ts';
import { countRepair, requireRepairDue } from './apply/repairs.ts';
import { completeReturn, refuseBlocked, returnTo } from './apply/return-to.ts';
import { findRunning, type Running, rememberSeen } from './apply/running.ts';
import { findAwaitingBoot, noteAtBoot } from './boot/await-boot.ts';
import { followRoot, returnRoot } from './boot/follow-root.ts';
import { type Action, decide } from './decide.ts';
import { endsEnrolment, toGantryError } from './failure.ts';
import { forgetEarlierRoots } from './fetch/account-roots.ts';
import { type HeldDesiredState, verifyApplied } from './fetch/desired-state.ts';
import { type NotReceived, receiveDesiredState } from './fetch/receive.ts';
import { inspectRunning } from './inspect/inspect-running.ts';
import { addRemarks, reportNothing, reportUnverified, reportVerified } from './report.ts';
import { checkServices, runServices } from './services/run-services.ts';
import type { Remark } from './verify/remark.ts';
import { verifyContent } from './verify/verify-content.ts';

export interface TickResult {
  report: AgentReport;
  /** Number of the running generation; 0 before the first. */
  generation: number;
  /** The version of each module that the running generation has, for people. */
  versions?: ReadonlyMap<string, string>;
  /**
   * The reason why the tick has no result, such as a desired state that cannot be read. It is
   * thrown after the report is sent.
   */
  error?: unknown;
}

/**
 * One tick: receive the desired state, verify everything that it names, apply it when it changed,
 * inspect what runs, repair what was tampered with, and report. It never applies content that does
 * not match. Every failure ends in a report, and the running root stays complete.
 *
 * @throws `instance_decommissioned`, `credential_reused` when the control plane ends the enrolment.
 */
export async function tick(agent: Agent): Promise<TickResult> {
  const remarks: Remark[] = [];

  try {
    await clean(agent, remarks);
    let running = await findRunning(agent, remarks);
    if (await completeReturn(agent, running)) running = await findRunning(agent, remarks);
    rememberSeen(agent, running);
    await attempt('What the machine booted could not be noted', remarks, () =>
      noteAtBoot(agent, running),
    );

    const received = refuseBlocked(agent, await receiveDesiredState(agent));
    if (agent.clock.skew !== undefined) {
      remarks.push({ code: 'clock_skew', message: agent.clock.skew });
    }

    const action = decide(received, running);
    const result = await follow(agent, await act(agent, action, remarks, running));
    return received.kind === 'unreachable' ? { ...result, error: received.error } : result;
  } catch (thrown) {
    if (endsEnrolment(thrown)) throw thrown;
    return reportFailure(agent, thrown, remarks);
  }
}

/**
 * Lets the machine's own root follow, where it boots from its composition. On a machine with its
 * own systemd it says which modules wait for a boot.
 */
async function follow(agent: Agent, result: TickResult): Promise<TickResult> {
  const generation = await currentGeneration(agent.paths);
  if (agent.config.way === 'directory' || generation === undefined) return result;

  const remarks: Remark[] = [];
  await attempt('The root of the machine could not follow', remarks, async () => {
    if (agent.config.way === 'services')
      return void remarks.push(...(await findAwaitingBoot(agent, generation)));

    const health = healthOf(result.report);
    const { remarks: found, failed } = await followRoot(agent, { generation, health });
    remarks.push(...found);
    if (failed !== undefined) remarks.push(await leaveRoot(agent, generation, failed));
  });
  return { ...result, report: addRemarks(result.report, remarks) };
}

/** Only services say that a root is bad: without the network any root is as it was. */
function healthOf({ code }: AgentReport): 'healthy' | 'unhealthy' | 'unknown' {
  if (code === null) return 'healthy';
  return code === 'service_failed' || code === 'probe_failed' ? 'unhealthy' : 'unknown';
}

/** Returns from a root that failed its trial to the one before it. */
async function leaveRoot(
  agent: Agent,
  { desiredState }: Generation,
  { generation, to }: { generation: number; to: number },
): Promise<Remark> {
  const message = `Generation ${generation} was booted and never healthy, so the machine returns to generation ${to}. It is tried again when the desired state changes.`;
  const { desired } = verifyApplied(desiredState ?? Buffer.alloc(0), agent);
  const code = 'rolled_back' as const;
  await returnTo(agent, { content: contentKey(desired), code, message, generation: to });
  await returnRoot(agent, to);
  return { code, message };
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
          content,
          layout: generation.layout,
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

async function inspect(
  agent: Agent,
  { running, held, because }: Extract<Action, { kind: 'inspect' }>,
  remarks: Remark[],
): Promise<TickResult> {
  const inspected = await inspectRunning(agent, running, held, remarks);
  const { error } = inspected;

  if (error !== undefined && because !== undefined) {
    remarks.push({ code: error.code, message: error.message });
  }

  const reason = because ?? (error === undefined ? undefined : { kind: 'refused' as const, error });

  if (inspected.kind === 'unverified') {
    await collect(agent, [running], remarks);
    const { desired, generation } = running;

    const noted = {
      applied_version: desired.version,
      composition_digest: desired.state.composition_digest,
      running_module_digests: agent.state.running_module_digests,
    };

    return {
      report: reportUnverified(noted, { because: reason, remarks }),
      generation: generation.number,
      versions: versionsOf(agent, desired),
    };
  }

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

    try {
      await runServices(agent, { content, generation, isRepair }, remarks);
    } catch (thrown) {
      const failed = toGantryError(thrown, 'The services could not be run');
      if (failed.code === 'rolled_back')
        return afterFailure(agent, failed, { needed: [held], remarks });
      remarks.push({ code: failed.code, message: failed.message });
    }
  }

  if (reason === undefined) await forgetUnneededRoots(agent, held, remarks);
  return {
    report: reportVerified(
      {
        config: agent.config,
        content,
        layout: generation.layout,
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

function versionsOf(
  { config }: Agent,
  { state }: HeldDesiredState['desired'],
): ReadonlyMap<string, string> {
  return new Map(
    state.layers.map(({ account, module, version }) => [
      moduleLabel(config.account, account, module),
      version,
    ]),
  );
}

function noteRepair(agent: Agent): void {
  agent.state = { ...agent.state, repairs: countRepair(agent.state.repairs, agent.now()) };
}

/** Removes former generations, and the leftovers of one that was not finished. */
async function clean({ paths, config, state }: Agent, remarks: Remark[]): Promise<void> {
  const pinned = state.good.map(({ generation }) => generation);
  await attempt('Former generations could not be removed', remarks, () =>
    cleanGenerations(paths, config.writable_paths, pinned),
  );
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

/**
 * Earlier account roots are needed until the desired state here and the running one are signed
 * under the trusted root.
 */
async function forgetUnneededRoots(
  agent: Agent,
  { root }: HeldDesiredState,
  remarks: Remark[],
): Promise<void> {
  const { roots, paths } = agent;
  if (roots.earlier.length === 0 || root !== roots.trusted) return;

  await attempt('Earlier account roots could not be removed', remarks, async () => {
    agent.roots = await forgetEarlierRoots(roots, paths);
  });
}

/** Runs a step that the outcome of a tick does not depend on; a failure becomes a remark. */
async function attempt(step: string, remarks: Remark[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    const { code, message } = toGantryError(thrown, step);
    // A tick cleans more than once.
    if (remarks.some((remark) => remark.message === message)) return;
    remarks.push({ code, message });
  }
}

/** Reports a failure that left nothing to decide, with the saved facts about the running root. */
export function reportFailure(
  agent: Pick<Agent, 'state'>,
  thrown: unknown,
  remarks: readonly Remark[] = [],
): TickResult {
  const { state } = agent;
  const because: NotReceived = {
    kind: 'refused',
    error: toGantryError(thrown, 'The tick failed'),
  };
  const context = { because, remarks };

  return {
    report:
      state.generation === 0
        ? reportNothing(state.applied_version, context)
        : reportUnverified(state, context),
    generation: state.generation,
  };
}
