import type { Agent } from './agent.ts';
import { completeReturn, refuseBlocked } from './apply/return-to.ts';
import { findRunning, type Running, rememberSeen } from './apply/running.ts';
import { type Action, decide } from './decide.ts';
import { endsEnrolment, toGantryError } from './failure.ts';
import { receiveDesiredState } from './fetch/receive.ts';
import { type Compared, compareWithLastLook } from './inspect/last-look.ts';
import { reportVerified } from './report.ts';
import { reportFailure, type TickResult, versionsOf } from './tick-result.ts';
import { attempt, clean, forgetUnneededRoots } from './tick-steps.ts';
import type { Remark } from './verify/remark.ts';

/**
 * One tick: receive the desired state, verify everything that it names, apply it when it changed,
 * inspect what runs, repair what was tampered with, and report. It never applies content that does
 * not match. Every failure ends in a report, and the running root stays complete.
 *
 * Most ticks find nothing new. So what verifies content is loaded when it is needed. A tick that
 * finds everything as the last full look left it verifies only the desired state.
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
    await noteBoot(agent, running, remarks);

    const received = refuseBlocked(agent, await receiveDesiredState(agent));
    if (agent.clock.skew !== undefined) {
      remarks.push({ code: 'clock_skew', message: agent.clock.skew });
    }

    const action = decide(received, running);
    const result = await followed(agent, await look(agent, { action, running }, remarks));
    return received.kind === 'unreachable' ? { ...result, error: received.error } : result;
  } catch (thrown) {
    if (endsEnrolment(thrown)) throw thrown;
    return reportFailure(agent, thrown, remarks);
  }
}

/** A machine with its own systemd needs it to say what waits for a boot. */
async function noteBoot(
  agent: Agent,
  running: Running | undefined,
  remarks: Remark[],
): Promise<void> {
  if (agent.config.way !== 'services') return;

  const { noteAtBoot } = await import('./boot/await-boot.ts');
  await attempt('What the machine booted could not be noted', remarks, () =>
    noteAtBoot(agent, running),
  );
}

async function look(
  agent: Agent,
  { action, running }: { action: Action; running: Running | undefined },
  remarks: Remark[],
): Promise<TickResult> {
  let files: string | undefined;
  if (action.kind === 'inspect') {
    const compared = await compareWithLastLook(agent, action.running, action.held);
    if (compared.same !== undefined) return lookAgain(agent, action, compared.same, remarks);
    files = compared.files;
  }

  const { lookFully } = await import('./full-look.ts');
  return lookFully(agent, { action, running, files }, remarks);
}

/** Does what can change although no file did: the services. */
async function lookAgain(
  agent: Agent,
  { running, held, because }: Extract<Action, { kind: 'inspect' }>,
  { leftOut }: NonNullable<Compared['same']>,
  remarks: Remark[],
): Promise<TickResult> {
  const { config } = agent;
  const { desired } = held;
  const { number } = running.generation;

  if (config.way !== 'directory') {
    const { rerunServices } = await import('./services/run-services.ts');
    await rerunServices(agent, { desired, number }, remarks).catch((thrown) => {
      const { code, message } = toGantryError(thrown, 'The services could not be run');
      remarks.push({ code, message });
    });
  }

  if (because === undefined) await forgetUnneededRoots(agent, held, remarks);
  const found = { config, desired, leftOut, isNew: false, problems: [], isRepaired: true };
  return {
    report: reportVerified(found, { because, remarks }),
    generation: number,
    versions: versionsOf(agent, desired),
  };
}

async function followed(agent: Agent, result: TickResult): Promise<TickResult> {
  if (agent.config.way === 'directory') return result;

  const { follow } = await import('./follow.ts');
  return follow(agent, result);
}
