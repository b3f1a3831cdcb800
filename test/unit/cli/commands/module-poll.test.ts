import { describe, expect, it } from 'vitest';
import type { Versions } from '../../../../cli/client/modules.ts';
import { areSettled } from '../../../../cli/commands/modules/poll.ts';

type Candidate = Versions['candidates'][number];

function candidate(more: Partial<Candidate>): Candidate {
  return {
    id: 'ver_1',
    module: 'web',
    version_string: '1.0.0',
    digest: `sha256:${'a'.repeat(64)}`,
    tags: ['v1.0.0'],
    state: 'awaiting_signature',
    code: null,
    message: null,
    signatures: [],
    next_verify_at: '2026-01-01T00:01:00Z',
    attempts: 1,
    found_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    ...more,
  };
}

describe('gantry module poll --wait', () => {
  const waiting = candidate({});
  const later = { updated_at: '2026-01-01T00:00:30Z' };

  it.each([
    ['a candidate that was not verified again', [waiting], [waiting], false],
    ['one that was verified again and still waits', [waiting], [candidate(later)], true],
    ['one that became a version', [waiting], [], true],
    ['one on its way to a version', [waiting], [candidate({ ...later, state: 'verified' })], false],
    ['a new one that is not verified yet', [], [candidate({ state: 'found' })], false],
    ['a new one that waits for a signature', [], [waiting], true],
  ])('%s', (_, before, now, settled) => {
    expect(areSettled(now, before)).toBe(settled);
  });

  it('does not wait for a candidate that is rejected permanently', () => {
    const rejected = candidate({ state: 'rejected', next_verify_at: null });
    expect(areSettled([rejected], [rejected])).toBe(true);
  });
});
