import { limits } from '../base/limits/index.ts';
import type { Pause } from '../domain/registries/index.ts';
import { parseRetryAfter } from './failure.ts';
import { header, type RequestEvent } from './transport.ts';

/**
 * Reads from a response how long all clients of the registry should wait: `Retry-After` of a 429,
 * and the headers for the remaining quota. Docker Hub's `RateLimit-Remaining: 76;w=21600` counts
 * reads of manifests, but not HEAD requests and lists. Others (GitLab, GitHub) count every request
 * and send the time of the next quota in `RateLimit-Reset`. A 503 only concerns the requested data:
 * the host may serve other repositories.
 * @returns null when no pause is needed
 */
export function readPause({ status, headers, foreign }: RequestEvent, nowMs: number): Pause | null {
  if (foreign) return null;

  const value = (name: string) => header({ headers }, name) ?? header({ headers }, `x-${name}`);
  const asked = parseRetryAfter(value('retry-after'), nowMs);
  const left = parseQuota(value('ratelimit-remaining'));
  const counted = left?.windowSeconds !== undefined;
  const pause = (scope: Pause['scope'], seconds: number): Pause => ({
    scope,
    untilMs: nowMs + Math.min(seconds, limits.pollFailureMaxSeconds) * 1000,
  });

  if (status === 429) {
    const share = counted
      ? estimatePullPause(left.windowSeconds, value('ratelimit-limit'))
      : limits.registryPauseSeconds;
    return pause(counted ? 'pulls' : 'all', asked ?? share);
  }

  if (left === null || left.count > 0) return null;
  if (counted)
    return pause('pulls', estimatePullPause(left.windowSeconds, value('ratelimit-limit')));

  const reset = parseResetSeconds(value('ratelimit-reset'), nowMs);
  return reset === null ? null : pause('all', reset);
}

/** Parses `76;w=21600`: what is left, and the seconds of the window. */
function parseQuota(text: string | undefined): { count: number; windowSeconds?: number } | null {
  const match = /^\s*([0-9]{1,9})(?:\s*;\s*w=([0-9]{1,9}))?/.exec(text ?? '');
  if (!match) return null;

  const [, count, window] = match;
  return {
    count: Number(count),
    ...(window === undefined ? {} : { windowSeconds: Number(window) }),
  };
}

/**
 * Estimates when part of a sliding window is free again: the time in which a tenth of the quota
 * returns.
 */
function estimatePullPause(windowSeconds = 0, limit: string | undefined): number {
  const total = Math.max(parseQuota(limit)?.count ?? 100, 10);
  return Math.max(limits.registryPauseSeconds, (windowSeconds / total) * Math.ceil(total / 10));
}

/** Parses seconds to wait, or a time in seconds since 1970. */
function parseResetSeconds(text: string | undefined, nowMs: number): number | null {
  if (!/^[0-9]{1,12}$/.test(text?.trim() ?? '')) return null;
  const value = Number(text);
  return value < 1e9 ? value : Math.max(0, Math.ceil(value - nowMs / 1000));
}
