import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import type { Change, Operation } from '../../domain/operations/index.ts';
import { rowOf, type Write } from '../../store/db.ts';
import type { Services } from '../context/index.ts';
import type { Applied } from './changes/change-kind.ts';
import { kindOf } from './changes/index.ts';

/** A change and the rows that it is about, as its kind read them. */
export interface ReadChange {
  change: Change;
  rows: unknown;
}

/** Reads what each change is about; throws the coded error for what does not exist. */
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
 * Reads what each change is about, and throws a coded error where one cannot be applied to it as it
 * is now.
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
 * The writes that apply every change, each with its condition. Throws `change_too_wide` where one
 * transaction cannot take them, and `invalid_request` where two changes write one row.
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
 * DynamoDB takes one write a row; and of two changes to one row, neither would be what was
 * reviewed.
 */
function refuseOverlap(writes: readonly Write[]): void {
  if (new Set(writes.map(rowOf)).size === writes.length) return;
  throw new GantryError(
    'invalid_request',
    'expected the changes of one operation to concern different things, found two of the same',
    { field: 'changes' },
  );
}
