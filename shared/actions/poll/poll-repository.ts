import { GantryError, isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import type { PollMessage } from '../../contract/messages.ts';
import {
  endsWithList,
  failPoll,
  hasDigits,
  type PollProgress,
  planLooks,
  type Repository,
  readTagList,
  settlePoll,
  type TagList,
  tagRechecksMax,
  withDigits,
} from '../../domain/poll/index.ts';
import { isOutage } from '../../registry/index.ts';
import { getModule } from '../../store/modules/index.ts';
import {
  claimRepository,
  getSharers,
  listTags,
  listUnreadableTags,
  removeUnreadableTag,
  repositoryEvent,
  setRepository,
} from '../../store/poll/index.ts';
import { attempt } from '../../store/table/index.ts';
import { enqueue, later, nowIso, type Services } from '../context/index.ts';
import {
  BudgetSpent,
  type RegistrySession,
  retryAfterSeconds,
  untilSentAgain,
  withRegistry,
} from '../registries/index.ts';
import { lookAtTag, type SeeTag, seeTagsOnce } from './look-at-tag.ts';

/**
 * Polls a module's repository for all modules of the account that share it. New digests become
 * candidates, moved tags are recorded, and failures delay the next poll.
 * @returns the outcome, for the log
 */
export async function pollRepository(services: Services, message: PollMessage): Promise<string> {
  const { account, module, recheck = false } = message;
  const rows = await getSharers(services.db, account, module);
  const [first] = rows;
  if (first === undefined) return 'unknown';

  let readings: Reading[];
  try {
    readings = await withRegistry(
      services,
      { account, repository: first.repository, purpose: 'poll' },
      (session) => readRepository(services, rows, session, recheck),
    );
  } catch (error) {
    return noteFailure(services, rows, error);
  }

  return noteReadings(services, readings, recheck);
}

/** What a poll found out for one module: its progress, or why it got no further. */
interface Reading {
  row: Repository;
  progress: PollProgress | null;
  error?: unknown;
}

/**
 * Reads a repository once for the modules that share it, until its time is spent: the next poll
 * begins with the modules that this one did not reach.
 * @throws what the registry or the connection failed with, which concerns all of them
 */
async function readRepository(
  services: Services,
  rows: readonly Repository[],
  { client, reference, pace }: RegistrySession,
  recheck: boolean,
): Promise<Reading[]> {
  const started = performance.now();
  const spent = () => performance.now() - started > limits.pollWorkMs || pace.overdrawn();
  const [{ account } = { account: '' }] = rows;
  const see = seeTagsOnce(services, client, { account, path: reference.repository });

  const late = () => performance.now() - started > limits.tagListMs;
  const list = readTagList(await client.listTags(reference.repository, { spent: late }));
  const read = { list, listedAt: services.now(), see, spent, recheck };

  const readings: Reading[] = [];
  for (const row of rows) {
    if (readings.length > 0 && spent()) break;
    try {
      readings.push({ row, progress: await readForModule(services, row, read) });
    } catch (error) {
      if (isOutage(error)) throw error;
      readings.push({ row, progress: null, error });
    }
  }

  return readings;
}

/** A repository's list of tags, and how far a poll may read on. */
interface Read extends Pick<PollProgress, 'list' | 'listedAt'> {
  see: SeeTag;
  spent: () => boolean;
  recheck: boolean;
}

async function readForModule(
  services: Services,
  row: Repository,
  { list: read, listedAt, see, spent, recheck }: Read,
): Promise<PollProgress> {
  const list = await readForRegistration(services, row, read);
  const unread = { unchanged: false, freshLeft: 0, freshFound: 0, dueLeft: 0, retryAt: null };
  const progress: PollProgress = { list, listedAt, ...unread };
  if (!recheck && endsWithList(row, list, nowIso(services)))
    return { ...progress, unchanged: true };

  const { known, refusals, plan } = await planPoll(services, row, { list, recheck });
  progress.retryAt = plan.retryAt;
  const names = new Set(list.tags);
  const present = new Set(known.filter(({ gone_at }) => gone_at === null).map(({ tag }) => tag));
  const look = async (tag: string) => {
    const listed = list.cut !== null || names.has(tag);
    const about = { tag, listed, before: refusals.get(tag) ?? null };
    const { found, retryAt } = await lookAtTag(services, { row, see }, about);
    if (retryAt !== null) progress.retryAt = earlier(progress.retryAt, retryAt);
    return found;
  };

  for (const [index, tag] of plan.fresh.entries()) {
    if (index > 0 && (index === limits.freshTagsMax || spent()))
      return { ...progress, freshLeft: plan.fresh.length - index };
    // Only what was not known is progress: the same plan again must not keep a worker busy.
    if ((await look(tag)) && !present.has(tag)) progress.freshFound += 1;
  }

  const most = Math.min(plan.due.length, tagRechecksMax(known, recheck));
  let looked = 0;
  for (; looked < most && !spent(); looked++) await look(plan.due[looked] ?? '');

  return { ...progress, dueLeft: plan.due.length - looked };
}

/** Only the registration says what digits alone mean. It is read where there are such tags. */
async function readForRegistration(
  services: Services,
  { account, module }: Repository,
  list: TagList,
): Promise<TagList> {
  if (!hasDigits(list)) return list;
  const registered = await getModule(services.db, account, module);
  return registered?.digit_commits === true ? withDigits(list) : list;
}

/** Plans the looks of a poll, and forgets refused tags that are gone. */
async function planPoll(
  services: Services,
  row: Repository,
  { list, recheck }: Pick<Read, 'list' | 'recheck'>,
) {
  const { account, module } = row;
  const [known, unreadable] = await Promise.all([
    listTags(services.db, account, module),
    listUnreadableTags(services.db, account, module),
  ]);

  const now = nowIso(services);
  const before = recheck ? now : later(services, -limits.tagRecheckSeconds);
  const plan = planLooks({ list, known, unreadable }, row, { now, before, recheck });
  for (const gone of plan.obsolete) await attempt(services.db, removeUnreadableTag(gone));

  return { known, plan, refusals: new Map(unreadable.map((one) => [one.tag, one])) };
}

function earlier(a: string | null, b: string): string {
  return a !== null && a < b ? a : b;
}

/** Notes how far each module got. Failures of single ones come last: they may end the work. */
async function noteReadings(
  services: Services,
  readings: readonly Reading[],
  recheck: boolean,
): Promise<string> {
  const more: PollMessage[] = [];
  let outcome = 'unchanged';

  for (const { row, progress } of readings) {
    if (progress === null) continue;
    const { account, module } = row;
    const { set, again } = settlePoll(progress, services.now());
    const written = await setRepository(services.db, row, set);
    if (again && written) more.push({ account, module, recheck });
    if (!progress.unchanged) outcome = 'polled';
  }

  // One poll reads the rest for all of them.
  await enqueue(services, 'poll', more.slice(0, 1));

  for (const { row, progress, error } of readings)
    if (progress === null) outcome = await noteFailure(services, [row], error);
  return outcome;
}

async function noteFailure(
  services: Services,
  rows: readonly Repository[],
  error: unknown,
): Promise<string> {
  // The message is sent again later. Until then the schedule must not send another one.
  if (error instanceof BudgetSpent)
    for (const row of rows) await claimRepository(services.db, row, untilSentAgain(services));
  // Conflicts about rows say nothing about the registry, so SQS delivers the message again.
  if (!(error instanceof GantryError) || isGantryError(error, 'conflict', 'already_exists'))
    throw error;

  const { code, message } = error;
  const waitSeconds = retryAfterSeconds(error);
  const failure = { code, message, waitSeconds, random: Math.random() };
  const set = failPoll(rows, failure, services.now());

  const cause = { actor: 'gantry:poll', at: nowIso(services) };
  for (const row of rows) {
    const first = row.failures === 0;
    const events = first ? [repositoryEvent(row, cause, 'failed', { code, message })] : [];
    await setRepository(services.db, row, set, events);
  }

  return code;
}
