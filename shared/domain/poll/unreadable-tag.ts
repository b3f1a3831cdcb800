import { backoff } from '../../base/backoff.ts';
import { limits } from '../../base/limits/index.ts';
import type { Repository } from './repository.ts';

/** A tag that the registry lists and does not return: why, and when it is asked again. */
export interface UnreadableTag {
  account: string;
  module: string;
  tag: string;
  /** Where it was listed. The same tag of another repository is read immediately. */
  repository: string;
  code: string;
  message: string;
  /** Failures in a row; each doubles the wait. */
  failures: number;
  since: string;
  /** A poll from then on asks for it again. */
  next_look_at: string;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
}

interface Refusal {
  code: string;
  message: string;
  /** How long the registry asked Gantry to wait, 0 if it did not. */
  waitSeconds: number;
  /** A random number from 0 up to 1: tags that were refused together come back one by one. */
  random: number;
}

/**
 * Decides what is stored about a tag that the registry refused. Its wait grows up to the time in
 * which every known tag is looked at.
 * @param before what was stored; null for the first refusal
 */
export function refuseTag(
  { account, module, repository }: Pick<Repository, 'account' | 'module' | 'repository'>,
  { tag, before }: { tag: string; before: UnreadableTag | null },
  { code, message, waitSeconds, random }: Refusal,
  now: Date,
): Omit<UnreadableTag, 'revision'> {
  const same = before !== null && before.repository === repository;
  const failures = (same ? before.failures : 0) + 1;
  const { pollSeconds: base, tagRecheckSeconds: cap } = limits;
  const wait = backoff({ attempt: failures, base, cap, jitter: { share: 0.5, random } });
  const next = new Date(now.getTime() + Math.max(wait, waitSeconds) * 1000);

  return {
    account,
    module,
    tag,
    repository,
    code,
    message: message.slice(0, limits.unreadableTagTextMax).toWellFormed(),
    failures,
    since: same ? before.since : now.toISOString(),
    next_look_at: next.toISOString(),
  };
}
