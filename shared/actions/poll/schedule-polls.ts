import { limits } from '../../base/limits/index.ts';
import { dueCandidates } from '../../store/candidates/index.ts';
import { claimRepository, dueRepositories } from '../../store/poll/index.ts';
import { claimCandidate } from '../candidates/index.ts';
import { enqueue, later, type Messages, nowIso, type Services } from '../context/index.ts';

/**
 * Hands out what is due: repositories to the poll queue, candidates to the verify queue. Each is
 * claimed first, so that of two schedulers one hands it out. What a run has no time for is left for
 * the next.
 */
export async function schedulePolls(
  services: Services,
): Promise<{ polls: number; verifications: number }> {
  const now = nowIso(services);
  const until = later(services, limits.pollClaimSeconds);
  const run = { services, end: performance.now() + limits.scheduleWorkMs };

  const repositories = await dueRepositories(services.db, now, limits.pollsPerRun);
  const polls = await handOut(run, 'poll', repositories, async (repository) => {
    const { account, module } = repository;
    return (await claimRepository(services.db, repository, until)) ? { account, module } : null;
  });

  const candidates = await dueCandidates(services.db, now, limits.pollsPerRun);
  const verifications = await handOut(run, 'verify', candidates, async (candidate) => {
    const { account, module, id } = candidate;
    return (await claimCandidate(services, candidate, until))
      ? { account, module, version_id: id }
      : null;
  });

  return { polls, verifications };
}

/**
 * Claims and sends some at a time: what is claimed when a run dies waits for its claim to lapse.
 */
async function handOut<Stage extends 'poll' | 'verify', Row>(
  { services, end }: { services: Services; end: number },
  stage: Stage,
  rows: readonly Row[],
  claim: (row: Row) => Promise<Messages[Stage] | null>,
): Promise<number> {
  let count = 0;
  for (let i = 0; i < rows.length && performance.now() < end; i += limits.claimsAtOnce) {
    const claimed = await Promise.all(rows.slice(i, i + limits.claimsAtOnce).map(claim));
    const messages = claimed.filter((message) => message !== null);

    await enqueue(services, stage, messages);
    count += messages.length;
  }

  return count;
}
