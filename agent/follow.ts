import type { AgentReport } from '../shared/contract/machines/index.ts';
import type { Agent } from './agent.ts';
import { currentGeneration, type Generation } from './apply/generation.ts';
import { contentKey } from './apply/good-generations.ts';
import { returnTo } from './apply/return-to.ts';
import { findAwaitingBoot } from './boot/await-boot.ts';
import { followRoot, returnRoot } from './boot/follow-root.ts';
import { verifyApplied } from './fetch/desired-state.ts';
import { addRemarks } from './report.ts';
import type { TickResult } from './tick-result.ts';
import { attempt } from './tick-steps.ts';
import type { Remark } from './verify/remark.ts';

/**
 * Lets the machine's own root follow, where it boots from its composition. On a machine with its
 * own systemd it says which modules wait for a boot.
 */
export async function follow(agent: Agent, result: TickResult): Promise<TickResult> {
  const generation = await currentGeneration(agent.paths);
  if (generation === undefined) return result;

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
