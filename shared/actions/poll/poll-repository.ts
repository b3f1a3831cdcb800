import { GantryError, isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import type { PollMessage } from '../../contract/messages.ts';
import {
  endsWithList,
  failPoll,
  freshTags,
  type PollProgress,
  type Repository,
  readTagList,
  settlePoll,
  tagRechecksMax,
  tagsToLookAt,
} from '../../domain/poll/index.ts';
import {
  claimRepository,
  getRepository,
  listTags,
  repositoryEvent,
  setRepository,
} from '../../store/poll/index.ts';
import { enqueue, later, nowIso, type Services } from '../context/index.ts';
import {
  BudgetSpent,
  type Pace,
  retryAfterSeconds,
  untilSentAgain,
  withRegistry,
} from '../registries/index.ts';
import { lookAtTag, type OpenRepository } from './look-at-tag.ts';

/**
 * Polls one module's repository. New digests become candidates, moved tags are recorded, and
 * failures delay the next poll.
 * @returns the outcome, for the log
 */
export async function pollRepository(services: Services, message: PollMessage): Promise<string> {
  const { account, module, recheck = false } = message;
  const row = await getRepository(services.db, account, module);
  if (row === null) return 'unknown';

  let progress: PollProgress;
  try {
    progress = await withRegistry(
      services,
      { account, repository: row.repository, purpose: 'poll' },
      ({ client, reference, pace }) =>
        readRepository(services, { row, client, path: reference.repository }, { recheck, pace }),
    );
  } catch (error) {
    return noteFailure(services, row, error);
  }

  const { set, again } = settlePoll(progress, services.now());
  const written = await setRepository(services.db, row, set);
  if (again && written) await enqueue(services, 'poll', [{ account, module, recheck }]);

  return progress.unchanged ? 'unchanged' : 'polled';
}

async function readRepository(
  services: Services,
  repository: OpenRepository,
  { recheck, pace }: { recheck: boolean; pace: Pace },
): Promise<PollProgress> {
  const { row, client, path } = repository;
  const started = performance.now();
  const list = readTagList(await client.listTags(path));
  const listedAt = services.now();
  const progress = { list, listedAt, unchanged: false, freshLeft: 0, freshFound: 0, dueLeft: 0 };
  if (!recheck && endsWithList(row, list, nowIso(services)))
    return { ...progress, unchanged: true };

  const known = await listTags(services.db, row.account, row.module);
  const look = (tag: string) => lookAtTag(services, repository, tag);
  const spent = () => performance.now() - started > limits.pollWorkMs || pace.overdrawn();

  const fresh = freshTags(list, known);
  for (const [index, tag] of fresh.entries()) {
    if (index > 0 && (index === limits.freshTagsMax || spent()))
      return { ...progress, freshLeft: fresh.length - index };
    if (await look(tag)) progress.freshFound += 1;
  }

  const before = recheck ? nowIso(services) : later(services, -limits.tagRecheckSeconds);
  const due = tagsToLookAt(known, list.truncated ? null : new Set(list.tags), before);
  const most = Math.min(due.length, tagRechecksMax(known, recheck));
  let looked = 0;
  for (; looked < most && !spent(); looked++) await look(due[looked] ?? '');

  return { ...progress, dueLeft: due.length - looked };
}

async function noteFailure(services: Services, row: Repository, error: unknown): Promise<string> {
  // The message is sent again later. Until then the schedule must not send another one.
  if (error instanceof BudgetSpent)
    await claimRepository(services.db, row, untilSentAgain(services));
  // Conflicts about rows say nothing about the registry, so SQS delivers the message again.
  if (!(error instanceof GantryError) || isGantryError(error, 'conflict', 'already_exists'))
    throw error;

  const { code, message } = error;
  const waitSeconds = retryAfterSeconds(error);
  const failure = { code, message, waitSeconds, random: Math.random() };
  const { set, first } = failPoll(row, failure, services.now());

  const cause = { actor: 'gantry:poll', at: nowIso(services) };
  const events = first ? [repositoryEvent(row, cause, 'failed', { code, message })] : [];

  await setRepository(services.db, row, set, events);
  return code;
}
