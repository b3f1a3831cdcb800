import { sha256Hex } from '../../base/ids.ts';
import type { Change, Operation } from '../../domain/operations/index.ts';
import { getOperation, type OpenRequest } from '../../store/operations/index.ts';
import type { Services } from '../context/index.ts';
import { kindOf } from './changes/index.ts';
import { isFinal } from './finish-operation.ts';

/**
 * Identifies what changes ask for: the order of keys and the ids that each request makes do not
 * count.
 */
export function fingerprintOf(changes: readonly Change[]): string {
  const asked = changes.map((change) => kindOf(change).asked?.(change) ?? change);
  return sha256Hex(JSON.stringify(asked, sortKeys));
}

function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The operation of the same changes that is still to be applied; null if there is none. */
export async function findSameRequest(
  { db }: Services,
  { account, operation_id, revision }: OpenRequest,
): Promise<Operation | null> {
  if (revision === 0) return null;
  const operation = await getOperation(db, account, operation_id);
  const open = operation !== null && !isFinal(operation) && operation.state !== 'applying';
  return open ? operation : null;
}
