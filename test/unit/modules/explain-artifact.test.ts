import { expect, it } from 'vitest';
import { reasonFor } from '../../../shared/actions/modules/index.ts';
import type { Repository, UnreadableTag } from '../../../shared/domain/poll/index.ts';

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
const nothing = { version: null, candidate: null, tag: null, unreadable: null };
const reasonOf = (polled_at: string | null) =>
  reasonFor({ ...nothing, poll: { ...poll, polled_at } }, 'v1.0.0');

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

it('a tag that the registry refuses is named with the reason and the next try', () => {
  const unreadable: UnreadableTag = {
    account: 'acme',
    module: 'redis',
    tag: 'v1.0.0',
    repository: poll.repository,
    code: 'registry_response_invalid',
    message: 'registry.example returned 412 for acme/redis:v1.0.0',
    failures: 2,
    since: '2026-01-01T00:00:00.000Z',
    next_look_at: '2026-01-01T00:04:00.000Z',
    revision: 1,
  };

  expect(reasonFor({ ...nothing, unreadable, poll }, 'v1.0.0')).toMatchObject({
    code: 'registry_response_invalid',
    message:
      'the registry lists tag v1.0.0 and does not return it: registry.example returned 412 for acme/redis:v1.0.0; retry at 2026-01-01T00:04:00.000Z',
  });
});

// gadievron/raptor#495
it('a tag that is missing from an incomplete list is not called absent', () => {
  const polled_at = '2026-01-01T00:00:00.000Z';
  const cut = { ...poll, polled_at, list_cut: 'it has over 1000 pages' };
  const { message } = reasonFor({ ...nothing, poll: cut }, 'v1.0.0');
  expect(message).toContain('the list of tags is incomplete: it has over 1000 pages');
});
