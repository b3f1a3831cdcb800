import { describe, expect, it } from 'vitest';
import {
  previousLive,
  withheldBy,
  withheldFields,
  withheldReason,
} from '../../../shared/domain/modules/index.ts';
import type { Reverification } from '../../../shared/domain/reverify/index.ts';
import { storedVersion } from '../../support/stored.ts';

const why = {
  reason: 'see incident 17',
  by: 'token:1',
  at: '2026-01-01T00:00:00.000Z',
  operation_id: 'op_1',
};
const failed: Reverification = {
  outcome: 'quarantined',
  code: 'key_mismatch',
  message: 'the key is not trusted',
  policy_version: 'p',
  trust_root_version: 't',
  since: '2026-01-01T00:00:00.000Z',
};

describe('a withheld version', () => {
  it.each([
    [{}, {}, { quarantined: false, held: false }],
    [{}, { yanked: why }, { quarantined: true, held: false }],
    [{}, { quarantined: why }, { quarantined: true, held: false }],
    [{}, { held: why }, { quarantined: false, held: true }],
    [{ reverification: failed }, {}, { quarantined: true, held: false }],
    [{ reverification: failed }, { held: why }, { quarantined: true, held: true }],
    [{ reverification: { ...failed, outcome: 'held' } }, {}, { quarantined: false, held: false }],
  ] as const)('%j with %j is %j', (version, withheld, flags) => {
    expect(withheldFields(version, withheld)).toEqual({ withheld, ...flags });
  });

  it('names the reason of a person before that of its signatures', () => {
    const version = { quarantined: true, reverification: failed };
    expect(withheldBy({ ...version, withheld: { yanked: why } })).toEqual({
      kind: 'yanked',
      reason: why.reason,
    });
    expect(withheldBy(version)).toEqual({ kind: 'quarantined', reason: failed.message });
    expect(withheldBy({ quarantined: true })?.reason).toBe('it no longer verifies');
    expect(withheldBy({ quarantined: false })).toBeNull();
  });

  it.each([
    [{ promotion_state: 'live', quarantined: false }, null],
    [{ promotion_state: 'retired', quarantined: false }, 'retired'],
    [{ promotion_state: 'live', quarantined: true }, 'quarantined'],
    [{ promotion_state: 'retired', quarantined: true, withheld: { yanked: why } }, 'yanked'],
  ] as const)('in use, %j is %s', (version, kind) => {
    const found = withheldReason(version);
    expect(found?.kind ?? null).toBe(kind);
    expect(found?.reason).not.toBe('');
  });
});

describe('the version that was live before', () => {
  const was = (version: string, more: Parameters<typeof storedVersion>[3] = {}) =>
    storedVersion('acme', 'redis', version, {
      promotion_state: 'blessed',
      was_live: true,
      state_changed_at: `2026-01-0${version.slice(0, 1)}T00:00:00.000Z`,
      ...more,
    });

  it('is the one that was superseded last, whatever its number is', () => {
    const last = was('5.0.0', { version_string: '1.0.0' });
    expect(previousLive([was('2.0.0'), last, was('3.0.0')])).toBe(last);
  });

  it.each([
    { quarantined: true },
    { held: true },
    { was_live: false },
    { promotion_state: 'retired' },
    { promotion_state: 'built' },
  ] as const)('is none with %j', (more) => {
    expect(previousLive([was('2.0.0', more)])).toBeNull();
  });
});
