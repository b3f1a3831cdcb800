import { limits } from '../../base/limits/index.ts';
import type { Module } from '../modules/index.ts';

/** The state of polling one module's repository. */
export interface Repository {
  account: string;
  module: string;
  repository: string;
  /**
   * SHA-256 of the tag list at the last poll. An unchanged list costs only one request for each
   * page.
   */
  tags_hash: string | null;
  next_poll_at: string;
  polled_at: string | null;
  /** When a poll last succeeded. */
  succeeded_at: string | null;
  /** Failures in a row; each doubles the wait. */
  failures: number;
  code: string | null;
  message: string | null;
  ignored_tags: string[];
  /** Why the list of tags was incomplete at the last poll; null or absent if it was complete. */
  list_cut?: string | null;
  /** When known tags are looked at again for moves. */
  recheck_at: string;
  /** When the last poll on request begins or began. */
  requested_at?: string;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
}

/** Groups due rows by account and repository: one poll reads it for all its modules. */
export function groupByPlace(rows: readonly Repository[]): Repository[][] {
  const groups = Map.groupBy(rows, ({ account, repository }) => `${account}#${repository}`);
  return [...groups.values()];
}

/**
 * Orders the modules that share a repository with `module`: those whose last poll is oldest come
 * first, so that a poll without time for all of them leaves none out twice.
 */
export function orderSharers(rows: readonly Repository[], module: string): string[] {
  const lastPoll = ({ polled_at, module: name }: Repository) => `${polled_at ?? ''}#${name}`;
  return rows
    .filter((row) => row.module !== module)
    .sort((a, b) => (lastPoll(a) < lastPoll(b) ? -1 : 1))
    .map((row) => row.module);
}

/**
 * When a poll that is requested now should begin; null if one that was requested before has not
 * begun yet, which will see the same. Requests for one repository begin `pollRequestSeconds` apart.
 */
export function requestedPollAt(last: string | undefined, now: Date): Date | null {
  if (last === undefined) return now;
  const begins = Date.parse(last);
  if (begins > now.getTime()) return null;
  return new Date(Math.max(now.getTime(), begins + limits.pollRequestSeconds * 1000));
}

/** The poll state of a repository before its first poll, which is due immediately. */
export function unpolledRepository(
  { account, name, repository }: Pick<Module, 'account' | 'name' | 'repository'>,
  at: string,
): Omit<Repository, 'revision'> {
  return {
    account,
    module: name,
    repository,
    tags_hash: null,
    next_poll_at: at,
    polled_at: null,
    succeeded_at: null,
    failures: 0,
    code: null,
    message: null,
    ignored_tags: [],
    recheck_at: at,
  };
}

/** A tag of a module's repository and the digest it named when last looked at. */
export interface Tag {
  account: string;
  module: string;
  tag: string;
  digest: string;
  checked_at: string;
  /** Set when the tag moved away from an ingested version's digest. */
  moved_to: string | null;
  /** Since when the registry no longer has it; null while it does. */
  gone_at: string | null;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
}
