import pRetry from 'p-retry';
import { isGantryError } from './error.ts';
import type { ErrorCode } from './error-codes.ts';
import { limits } from './limits/index.ts';

interface RetryOptions {
  /** Runs of the work in all. */
  attempts?: number;
  /** Codes that mean that the work read something which has changed since. */
  codes?: readonly ErrorCode[];
}

/**
 * Runs work that reads records, decides and writes. It runs again while a record changed between
 * reading and writing. The waits grow and are random, so that writers who collided do not collide
 * again.
 * @throws the last error, or the first one that is not a conflict
 */
export function retryConflicts<T>(
  work: () => Promise<T>,
  { attempts = limits.conflictAttemptsMax, codes = ['conflict'] }: RetryOptions = {},
): Promise<T> {
  return pRetry(work, {
    retries: attempts - 1,
    minTimeout: 25,
    maxTimeout: 500,
    factor: 1.5,
    randomize: true,
    shouldRetry: ({ error }) => isGantryError(error, ...codes),
  });
}
