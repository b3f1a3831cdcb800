import { expect, it } from 'vitest';
import { formatPolling } from '../../../cli/output/modules.ts';

const next_poll_at = '2026-01-01T00:10:00.000Z';
const never = {
  polled_at: null,
  succeeded_at: null,
  next_poll_at,
  failures: 0,
  code: null,
  message: null,
};
const polled = '2026-01-01T00:00:00.000Z';
const works = { ...never, polled_at: polled, succeeded_at: polled };
const failed = { ...works, failures: 1, code: 'registry_timeout', message: 'too slow' };

it.each([
  ['a module without a repository', null, 'not polled yet'],
  ['a repository that was not polled yet', never, 'not polled yet'],
  ['a repository that works', works, 'works'],
  ['a repository that failed', failed, `failed once: registry_timeout; retry at ${next_poll_at}`],
  [
    'a repository that keeps failing',
    { ...failed, failures: 7 },
    `failed 7 times: registry_timeout; retry at ${next_poll_at}`,
  ],
])('formats the polling status of %s', (_, poll, expected) => {
  expect(formatPolling(poll)).toBe(expected);
});
