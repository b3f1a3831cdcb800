import { describe, expect, it } from 'vitest';
import { nextProposal, type OperationState } from '../../../shared/domain/operations/index.ts';

const now = '2026-01-02T12:00:00.000Z';
const hourAgo = '2026-01-02T11:00:00.000Z';

/** What happens where a version is wanted, one was proposed, and its operation is in a state. */
function next(
  wanted: string | null,
  proposed: [version: string, state: OperationState, updated_at?: string] | null,
  rejected: string[] = [],
) {
  const [version_id = '', state = 'requested', updated_at = now] = proposed ?? [];
  return nextProposal({
    wanted,
    dependency: {
      proposal: proposed === null ? null : { version_id, operation_id: 'op_1' },
      rejected,
    },
    operation: proposed === null ? null : { state, updated_at },
    retryBefore: hourAgo,
    rejectedMax: 2,
  });
}

describe('a proposal of another version', () => {
  it.each<[string, Parameters<typeof next>, string]>([
    ['is made where one is wanted', ['v2', null], 'propose'],
    ['is not made where none is', [null, null], 'none'],
    ['is not made twice', ['v2', ['v2', 'awaiting_approval']], 'none'],
    ['is replaced by a newer version', ['v3', ['v2', 'awaiting_approval']], 'replace'],
    ['is replaced before anybody was asked', ['v3', ['v2', 'requested']], 'replace'],
    ['ends where it is no longer wanted', [null, ['v2', 'awaiting_approval']], 'withdraw'],
    ['ends for a version that was refused', ['v1', ['v2', 'composing'], ['v1']], 'withdraw'],
    ['is left alone while it is applied', ['v3', ['v2', 'applying']], 'none'],
    ['is not repeated once it was rejected', ['v2', ['v2', 'rejected']], 'none'],
    ['is not repeated once a person withdrew it', ['v2', ['v2', 'withdrawn']], 'none'],
    ['is made for a newer version than the rejected one', ['v3', ['v2', 'rejected']], 'propose'],
    ['is not made for an earlier rejected version', ['v1', null, ['v1']], 'none'],
    ['is repeated once it expired', ['v2', ['v2', 'expired']], 'propose'],
    ['that failed is not repeated immediately', ['v2', ['v2', 'failed']], 'none'],
    ['that a policy refused is not either', ['v2', ['v2', 'refused']], 'none'],
    ['that failed is repeated after an hour', ['v2', ['v2', 'failed', hourAgo]], 'propose'],
    ['that failed delays no newer version', ['v3', ['v2', 'failed']], 'propose'],
  ])('%s', (_, facts, step) => {
    expect(next(...facts).step).toBe(step);
  });

  it.each([
    ['whose operation is gone is made again', { version_id: 'v2', operation_id: 'op_1' }, null],
    ['that is recorded nowhere is made', null, { state: 'applying' as const, updated_at: now }],
  ])('%s', (_, proposal, operation) => {
    const facts = { wanted: 'v2', operation, retryBefore: hourAgo, rejectedMax: 2 };
    expect(nextProposal({ ...facts, dependency: { proposal, rejected: [] } }).step).toBe('propose');
  });

  it('keeps what people refused, once and up to a bound', () => {
    expect(next('v3', ['v2', 'rejected'], ['v1']).rejected).toEqual(['v1', 'v2']);
    expect(next('v4', ['v3', 'rejected'], ['v1', 'v2']).rejected).toEqual(['v2', 'v3']);
    const rejected = ['v2'];
    expect(next('v3', ['v2', 'rejected'], rejected).rejected).toBe(rejected);
    expect(next('v3', ['v2', 'failed'], rejected).rejected).toBe(rejected);
  });
});
