import { GantryError, isGantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import type { PollMessage } from '../../contract/messages.ts';
import { readTag } from '../../domain/modules/index.ts';
import type { Repository } from '../../domain/poll/index.ts';
import { tagsToLookAt } from '../../domain/poll/index.ts';
import type { RegistryClient } from '../../registry/index.ts';
import { claimCandidate, dueCandidates } from '../../store/candidates/index.ts';
import { createEvent } from '../../store/event.ts';
import {
  claimRepository,
  dueRepositories,
  getRepository,
  listTags,
  setRepository,
} from '../../store/poll/index.ts';
import { enqueue, later, type Messages, nowIso, type Services } from '../context/index.ts';
import {
  BudgetSpent,
  type Pace,
  retryAfterSeconds,
  untilSentAgain,
  withRegistry,
} from '../registries/index.ts';
import { seeTag } from './look-at-tag.ts';

/**
 * Hands out what is due: repositories to the poll queue, candidates that wait for a signature to the verify queue.
 * Each is claimed first, so that two schedulers at once hand it out once. What a run has no time for is the next one's.
 */
export async function schedulePolls(
  services: Services,
): Promise<{ polls: number; verifications: number }> {
  const now = nowIso(services);
  const until = later(services, limits.pollClaimSeconds);
  const end = performance.now() + limits.scheduleWorkMs;
  const repositories = await dueRepositories(services.db, now, limits.pollsPerRun);
  const polls = await handOut(services, 'poll', repositories, end, async (repository) => {
    const { account, module } = repository;
    return (await claimRepository(services.db, repository, until)) ? { account, module } : null;
  });
  const candidates = await dueCandidates(services.db, now, limits.pollsPerRun);
  const verifications = await handOut(services, 'verify', candidates, end, async (candidate) => {
    const { account, module, id } = candidate;
    return (await claimCandidate(services.db, candidate, until))
      ? { account, module, version_id: id }
      : null;
  });
  return { polls, verifications };
}

/** Claims and sends, some at a time: what is claimed when a run dies waits for its claim to lapse. */
async function handOut<Stage extends 'poll' | 'verify', Row>(
  services: Services,
  stage: Stage,
  rows: readonly Row[],
  end: number,
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

/** Reads one module's repository: new digests become candidates, moved tags are noted, failures back off. */
export async function pollRepository(services: Services, message: PollMessage): Promise<void> {
  const repository = await getRepository(services.db, message.account, message.module);
  if (repository === null) return;
  const recheck = message.recheck ?? false;
  try {
    const { more, ...outcome } = await withRegistry(
      services,
      message.account,
      repository.repository,
      'poll',
      (client, reference, pace) =>
        readRepository(services, repository, client, reference.repository, recheck, pace),
    );
    const set = { ...outcome, polled_at: nowIso(services), failures: 0, code: null, message: null };
    const kept = await setRepository(services.db, repository, set);
    if (more && kept)
      await enqueue(services, 'poll', [
        { account: message.account, module: message.module, recheck },
      ]);
  } catch (error) {
    // The message comes back by itself; the schedule, which looks after lost ones, must not add another meanwhile.
    if (error instanceof BudgetSpent)
      await claimRepository(services.db, repository, untilSentAgain(services));
    // Rows that others kept changing say nothing about the registry: the message comes again.
    if (!(error instanceof GantryError) || isGantryError(error, 'conflict', 'already_exists'))
      throw error;
    await noteFailure(services, repository, error);
  }
}

async function noteFailure(
  services: Services,
  repository: Repository,
  error: GantryError,
): Promise<void> {
  const failures = repository.failures + 1;
  const backoff = Math.min(
    limits.pollSeconds * 2 ** Math.min(failures, 16),
    limits.pollFailureMaxSeconds,
  );
  // Jitter: repositories of one registry that failed together must not come back together.
  const wait = Math.max(retryAfterSeconds(error), backoff * (0.5 + Math.random() / 2));
  const at = nowIso(services);
  const { code, message } = error;
  const first = createEvent({
    type: 'gantry.repository.failed',
    account: repository.account,
    subject: `module/${repository.module}`,
    actor: 'gantry:poll',
    at,
    data: { code, message },
  });
  const set = {
    next_poll_at: later(services, wait),
    polled_at: at,
    failures,
    code,
    message,
    tags_hash: null,
  };
  await setRepository(services.db, repository, set, repository.failures === 0 ? [first] : []);
}

type Outcome = Pick<Repository, 'tags_hash' | 'ignored_tags' | 'recheck_at' | 'next_poll_at'> & {
  /** New tags are left for the next poll, which is asked for at once. */
  more: boolean;
};

async function readRepository(
  services: Services,
  row: Repository,
  client: RegistryClient,
  repository: string,
  recheck: boolean,
  pace: Pace,
): Promise<Outcome> {
  const started = performance.now();
  const { tags, truncated } = await client.listTags(repository);
  // Sorted: some registries page in an order of their own.
  const tags_hash = sha256Hex(JSON.stringify([...tags].sort()));
  const ignored_tags = tags
    .filter((tag) => readTag(tag).kind === 'ignored')
    .slice(0, limits.ignoredTagsShown);
  const next_poll_at = later(services, limits.pollSeconds);
  if (!recheck && tags_hash === row.tags_hash && row.recheck_at > nowIso(services)) {
    return { tags_hash, ignored_tags, recheck_at: row.recheck_at, next_poll_at, more: false };
  }
  const known = new Map(
    (await listTags(services.db, row.account, row.module)).map((tag) => [tag.tag, tag]),
  );
  // Semver tags first: what also has a commit's tag is then named by its version from the start.
  const versions = new Set([...ofKind(tags, 'version'), ...ofKind(tags, 'commit')]);

  // One that was gone and is back is as good as new.
  const fresh = [...versions].filter((tag) => known.get(tag)?.gone_at !== null);
  const look = (tag: string) => seeTag(services, row, client, repository, tag);
  const spent = () => performance.now() - started > limits.pollWorkMs || pace.overdrawn();
  let found = 0;
  for (const [index, tag] of fresh.entries()) {
    if (index > 0 && (index === limits.freshTagsMax || spent())) {
      // Only who gets on asks for more at once: a list of tags that there are not must not keep workers busy.
      const more = found > 0;
      const { recheck_at } = row;
      // Should the message that asks for the rest be lost, the schedule asks.
      const next = more ? untilSentAgain(services) : next_poll_at;
      return { tags_hash: null, ignored_tags, recheck_at, next_poll_at: next, more };
    }
    if (await look(tag)) found += 1;
  }
  const before = recheck ? nowIso(services) : later(services, -limits.tagRecheckSeconds);
  const again = tagsToLookAt([...known.values()], truncated ? null : new Set(tags), before);
  const most = recheck
    ? limits.freshTagsMax
    : Math.max(limits.tagRechecksMax, Math.ceil(known.size / pollsAnHour));
  let looked = 0;
  for (; looked < Math.min(again.length, most) && !spent(); looked++)
    await look(again[looked] ?? '');
  const recheck_at = later(
    services,
    looked < again.length ? limits.pollSeconds : limits.tagRecheckSeconds / 4,
  );
  return { tags_hash, ignored_tags, recheck_at, next_poll_at, more: false };
}

/** So many polls have known tags to look at before the first is due again. */
const pollsAnHour = limits.tagRecheckSeconds / limits.pollSeconds;

function ofKind(tags: string[], kind: 'version' | 'commit'): string[] {
  return tags.filter((tag) => readTag(tag).kind === kind);
}
