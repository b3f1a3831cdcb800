import { describe, expect, it, vi } from 'vitest';
import { withoutAges } from '../../../cli/output/age.ts';
import { formatMovedTags, formatPolling, formatVersions } from '../../../cli/output/modules.ts';

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

describe('the columns of moved tags', () => {
  const [was, now] = ['a', 'b'].map((digit) => `sha256:${digit.repeat(64)}`);
  const tag = { tag: 'v1', digest: was ?? '', moved_to: now ?? '', gone_at: null };
  const moved = { ...tag, checked_at: polled };
  const deleted = { ...moved, tag: 'v2', moved_to: null, gone_at: next_poll_at };

  const rowsOf = (text: string) =>
    text.split('\n').map((line) => withoutAges(line).trim().split(' '));

  it('name what the tag named, what it names now, and when that was seen', () => {
    const [headings, ...rows] = rowsOf(formatMovedTags([moved, deleted]));
    expect(headings?.join(' ')).toBe('MOVED TAG FROM TO SEEN');
    expect(rows).toEqual([
      ['v1', was?.slice(0, 19), now?.slice(0, 19), '2026-01-01T00:00:00Z'],
      ['v2', was?.slice(0, 19), 'deleted', '2026-01-01T00:10:00Z'],
    ]);
  });

  it('are part of the versions of a module', () => {
    const none = { versions: [], candidates: [], warnings: [] };
    expect(formatVersions({ ...none, moved_tags: [moved] })).toContain('MOVED TAG');
    expect(formatVersions({ ...none, moved_tags: [] })).not.toContain('MOVED TAG');
  });

  it('are whole with -o wide', async () => {
    vi.resetModules();
    const [{ showWide }, output] = await Promise.all([
      import('../../../cli/output/table.ts'),
      import('../../../cli/output/modules.ts'),
    ]);
    showWide();
    expect(output.formatMovedTags([moved])).toContain(`${was}  ${now}`);
  });
});
