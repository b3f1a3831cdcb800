import { expect, it } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { failAttempt } from '../../../shared/domain/accounts/index.ts';

const start = '2026-01-01T00:00:00.000Z';
const fault = { code: 'internal', message: 'x' } as const;
const after = (seconds: number) => new Date(Date.parse(start) + seconds * 1000);
const fail = (attempts: number, seconds: number, random = 0) =>
  failAttempt({ attempts, created_at: start }, fault, { now: after(seconds), random });
const waits = (attempts: number, random = 0) =>
  (Date.parse(fail(attempts, 0, random).retry_at) - Date.parse(start)) / 1000;

it('waits longer after each failed attempt, up to a bound, and never for all at the same time', () => {
  expect([1, 2, 3].map((attempts) => waits(attempts))).toEqual([20, 40, 80]);
  expect(waits(50)).toBe(limits.accountRetryMaxSeconds);
  expect(waits(50, 0.5)).toBe(limits.accountRetryMaxSeconds * 0.75);
});

it('stops after a day', () => {
  expect(fail(9, limits.accountCreationSeconds)).toMatchObject({ state: 'creating', ...fault });
  expect(fail(9, limits.accountCreationSeconds + 1)).toMatchObject({ state: 'failed', ...fault });
});
