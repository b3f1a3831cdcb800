import { limits } from '../../base/limits/index.ts';
import { groupByPlace } from '../../domain/poll/index.ts';
import { dueCandidates } from '../../store/candidates/index.ts';
import { claimRepository, dueRepositories } from '../../store/poll/index.ts';
import { claimCandidate } from '../candidates/index.ts';
import { enqueue, later, type Messages, nowIso, type Services } from '../context/index.ts';

/**
 * Sends due repositories to the poll queue, each once for all modules of the account in it, and
 * due candidates to the verify queue. Each is claimed first, so that only one of two schedulers
 * sends it. A run leaves what it has no time for to the next run.
 */
export async function schedulePolls(
  services: Services,
): Promise<{ polls: number; verifications: number }> {
  const now = nowIso(services);
  const until = later(services, limits.pollClaimSeconds);
  const run = { services, end: performance.now() + limits.scheduleWorkMs };

  const repositories = await dueRepositories(services.db, now, limits.pollsPerRun);
  const polls = await handOut(run, 'poll', groupByPlace(repositories), async (sharers) => {
    const claims = sharers.map((row) => claimRepository(services.db, row, until));
    const won = (await Promise.all(claims)).indexOf(true);
    const row = sharers[won];
    return row === undefined ? null : { account: row.account, module: row.module };
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
 * Claims and sends a few rows at a time, because the claimed rows of a run that dies wait until
 * their claims lapse.
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
