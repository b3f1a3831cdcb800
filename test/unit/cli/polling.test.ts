import { expect, it } from 'vitest';
import { pollingOf } from '../../../cli/client/polling.ts';

const next_poll_at = '2026-01-01T00:10:00.000Z';
const never = { polled_at: null, next_poll_at, failures: 0, code: null, message: null };
const works = { ...never, polled_at: '2026-01-01T00:00:00.000Z' };
const failed = { ...works, failures: 1, code: 'registry_timeout', message: 'too slow' };

it.each([
  ['a module without a repository', null, 'not tried yet'],
  ['a repository that was not polled yet', never, 'not tried yet'],
  ['a repository that works', works, 'works'],
  ['one that failed', failed, `failed once: registry_timeout; again at ${next_poll_at}`],
  [
    'one that goes on failing',
    { ...failed, failures: 7 },
    `failed 7 times: registry_timeout; again at ${next_poll_at}`,
  ],
])('%s is told by its state', (_, poll, told) => {
  expect(pollingOf(poll)).toBe(told);
});
