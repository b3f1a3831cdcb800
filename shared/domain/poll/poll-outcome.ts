import { backoff } from '../../base/backoff.ts';
import { limits } from '../../base/limits/index.ts';
import { resentSeconds } from '../registries/index.ts';
import type { Repository } from './repository.ts';
import type { TagList } from './tag-list.ts';

/** How far a poll that read its repository's list got. */
export interface PollProgress {
  list: TagList;
  listedAt: Date;
  /** The list did not change since the last poll, so no tag was looked at. */
  unchanged: boolean;
  /** New tags that it had no time for. */
  freshLeft: number;
  /** New tags that it looked at. */
  freshFound: number;
  /** Known tags that were due and that it had no time for. */
  dueLeft: number;
  /** When the first of the unreadable tags is looked at again; null without any. */
  retryAt: string | null;
}

/** The fields to write after a poll, and whether another poll must follow immediately. */
export interface PollOutcome {
  set: Partial<Repository>;
  again: boolean;
}

/** Decides the outcome of a poll that its registry responded to. */
export function settlePoll(
  { list, listedAt, unchanged, freshLeft, freshFound, dueLeft, retryAt }: PollProgress,
  now: Date,
): PollOutcome {
  const { ignored_tags, tags_hash, cut: list_cut } = list;
  const done = {
    ignored_tags,
    list_cut,
    polled_at: now.toISOString(),
    succeeded_at: now.toISOString(),
    failures: 0,
    code: null,
    message: null,
  };

  const next_poll_at = after(listedAt, limits.pollSeconds);

  if (freshLeft > 0) {
    // Only a poll that found tags asks for more: a list of tags that do not exist must not keep
    // workers busy.
    const again = freshFound > 0;
    // If the message for the rest is lost, the schedule sends another.
    const next = again ? after(now, resentSeconds) : next_poll_at;
    return { set: { ...done, tags_hash: null, next_poll_at: next }, again };
  }

  if (unchanged) return { set: { ...done, tags_hash, next_poll_at }, again: false };

  const recheckSeconds = dueLeft > 0 ? limits.pollSeconds : limits.tagRecheckSeconds / 4;
  const recheck = after(now, recheckSeconds);
  const recheck_at = retryAt !== null && retryAt < recheck ? retryAt : recheck;
  return { set: { ...done, tags_hash, next_poll_at, recheck_at }, again: false };
}

export interface PollFailure {
  code: string;
  message: string;
  /** How long the registry asked Gantry to wait, 0 if it did not. */
  waitSeconds: number;
  /**
   * A random number from 0 up to 1: repositories that failed together must not come back together.
   */
  random: number;
}

/**
 * Decides the outcome of a failed poll of modules that share a repository: they wait together, as
 * long as the one that failed most often.
 */
export function failPoll(
  rows: readonly Pick<Repository, 'failures'>[],
  { code, message, waitSeconds, random }: PollFailure,
  now: Date,
): Partial<Repository> {
  const failures = Math.max(0, ...rows.map((row) => row.failures)) + 1;
  const { pollSeconds: base, pollFailureMaxSeconds: cap } = limits;
  const wait = backoff({ attempt: failures, base, cap, jitter: { share: 0.5, random } });

  return {
    next_poll_at: after(now, Math.max(waitSeconds, wait)),
    polled_at: now.toISOString(),
    failures,
    code,
    message,
    // The next poll that succeeds reads everything.
    tags_hash: null,
  };
}

function after(now: Date, seconds: number): string {
  return new Date(now.getTime() + seconds * 1000).toISOString();
}
