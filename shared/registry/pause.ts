import { limits } from '../base/limits/index.ts';
import type { Pause } from '../domain/registries/index.ts';
import { retryAfterSeconds } from './failure.ts';
import { header, type RequestEvent } from './transport.ts';

/**
 * What an answer asks of all who ask this registry: `Retry-After` of a 429, and the headers by which registries
 * tell how much is left. Docker Hub's `RateLimit-Remaining: 76;w=21600` counts manifests that are read, no HEAD and no
 * list; others (GitLab, GitHub) count every request and name the time of the next allowance in `RateLimit-Reset`.
 * A 503 speaks for what was asked only: another repository of the host may well be served.
 * @returns null where nothing is asked
 */
export function pauseAsked(
  { status, headers, foreign }: RequestEvent,
  nowMs: number,
): Pause | null {
  if (foreign) return null;
  const value = (name: string) => header({ headers }, name) ?? header({ headers }, `x-${name}`);
  const asked = retryAfterSeconds(value('retry-after'), nowMs);
  const left = quota(value('ratelimit-remaining'));
  const counted = left?.windowSeconds !== undefined;
  const pause = (scope: Pause['scope'], seconds: number): Pause => ({
    scope,
    untilMs: nowMs + Math.min(seconds, limits.pollFailureMaxSeconds) * 1000,
  });
  if (status === 429) {
    const share = counted
      ? pullShareSeconds(left.windowSeconds, value('ratelimit-limit'))
      : limits.registryPauseSeconds;
    return pause(counted ? 'pulls' : 'all', asked ?? share);
  }
  if (left === null || left.count > 0) return null;
  if (counted)
    return pause('pulls', pullShareSeconds(left.windowSeconds, value('ratelimit-limit')));
  const reset = resetSeconds(value('ratelimit-reset'), nowMs);
  return reset === null ? null : pause('all', reset);
}

/** `76;w=21600`: what is left, and of a window of how many seconds. */
function quota(text: string | undefined): { count: number; windowSeconds?: number } | null {
  const match = /^\s*([0-9]{1,9})(?:\s*;\s*w=([0-9]{1,9}))?/.exec(text ?? '');
  if (!match) return null;
  const [, count, window] = match;
  return {
    count: Number(count),
    ...(window === undefined ? {} : { windowSeconds: Number(window) }),
  };
}

/** Until some of a sliding window is free again: the time in which a tenth of it comes back. */
function pullShareSeconds(windowSeconds = 0, limit: string | undefined): number {
  const total = Math.max(quota(limit)?.count ?? 100, 10);
  return Math.max(limits.registryPauseSeconds, (windowSeconds / total) * Math.ceil(total / 10));
}

/** Seconds, or the time itself in seconds since 1970. */
function resetSeconds(text: string | undefined, nowMs: number): number | null {
  if (!/^[0-9]{1,12}$/.test(text?.trim() ?? '')) return null;
  const value = Number(text);
  return value < 1e9 ? value : Math.max(0, Math.ceil(value - nowMs / 1000));
}
