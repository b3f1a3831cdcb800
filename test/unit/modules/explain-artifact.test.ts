import { expect, it } from 'vitest';
import { reasonFor } from '../../../shared/actions/modules/index.ts';
import type { Repository } from '../../../shared/domain/poll/index.ts';

const poll: Repository = {
  account: 'acme',
  module: 'redis',
  repository: 'registry.example/acme/redis',
  tags_hash: null,
  next_poll_at: '2026-01-01T00:05:00.000Z',
  polled_at: null,
  succeeded_at: null,
  failures: 0,
  code: null,
  message: null,
  ignored_tags: [],
  revision: 1,
  recheck_at: '2026-01-01T01:00:00.000Z',
};
const reasonOf = (polled_at: string | null) =>
  reasonFor({ version: null, candidate: null, tag: null, poll: { ...poll, polled_at } }, 'v1.0.0');

it('a tag is not called absent before its repository was polled', () => {
  expect(reasonOf(null)).toEqual({
    code: null,
    message: 'its repository was not polled yet; the first poll comes next',
    cure: null,
  });
  expect(reasonOf('2026-01-01T00:00:00.000Z').message).toContain(
    'no tag that Gantry saw in the repository names it',
  );
});
