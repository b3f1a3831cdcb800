import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import type { Change, Operation } from '../../domain/operations/index.ts';
import { rowOf, type Write } from '../../store/table/index.ts';
import type { Services } from '../context/index.ts';
import type { Applied } from './changes/change-kind.ts';
import { kindOf } from './changes/index.ts';
import { type PlannedTemplate, planWrites } from './template-plan.ts';

/** A change and the rows that it is about, as its kind read them. */
export interface ReadChange {
  change: Change;
  rows: unknown;
}

/** Reads the rows of each change; throws the coded error for a missing one. */
export async function readChanges(
  services: Services,
  { account, changes }: Pick<Operation, 'account' | 'changes'>,
): Promise<ReadChange[]> {
  return Promise.all(
    changes.map(async (change) => ({
      change,
      rows: await kindOf(change).read(services, account, change),
    })),
  );
}

/**
 * Reads the rows of each change, and throws a coded error if a change cannot be applied to them as
 * they are now.
 */
export async function checkChanges(
  services: Services,
  operation: Pick<Operation, 'account' | 'changes'>,
): Promise<ReadChange[]> {
  const read = await readChanges(services, operation);
  for (const { change, rows } of read) kindOf(change).check(change, rows);
  return read;
}

/**
 * The writes that apply every change, each with its condition. Throws `change_too_wide` if one
 * transaction cannot hold them, and `invalid_request` if two changes write one row.
 */
export function changeWrites(
  { operation, approvals, at }: Omit<Applied<never, never>, 'change' | 'rows'>,
  read: readonly ReadChange[],
): Write[] {
  const writes = read.flatMap(({ change, rows }) =>
    kindOf(change).writes({ operation, change, rows, approvals, at }),
  );
  refuseTooMany(writes.length, read.length);
  refuseOverlap(writes);

  return writes;
}

/**
 * The writes of `changeWrites`, and those that hold the templates which the changes were checked
 * against. Throws `change_too_wide` also where the templates of several changes do not fit.
 */
export function operationWrites(
  facts: Parameters<typeof changeWrites>[0],
  read: readonly ReadChange[],
  planned: readonly PlannedTemplate[],
): Write[] {
  const writes = changeWrites(facts, read);
  const room = limits.operationWritesMax - writes.length;
  const { operation, at } = facts;

  return [...writes, ...planWrites(operation.account, planned, { at, room, changes: read.length })];
}

function refuseTooMany(writes: number, changes: number): void {
  const expected = limits.operationWritesMax;
  if (writes <= expected) return;

  throw new GantryError(
    'change_too_wide',
    `expected the changes of one operation to need at most ${expected} writes, found ${changes} changes that need ${writes}`,
    { expected, found: writes },
  );
}

/**
 * A DynamoDB transaction takes one write per row. Two changes to one row would also differ from
 * what was reviewed.
 */
function refuseOverlap(writes: readonly Write[]): void {
  if (new Set(writes.map(rowOf)).size === writes.length) return;
  throw new GantryError(
    'invalid_request',
    'expected the changes of one operation to concern different things, found two of the same',
    { field: 'changes' },
  );
}
