import { GantryError } from '../../base/error.ts';
import {
  finalOperationStates,
  type Operation,
  type OperationState,
} from '../../domain/operations/index.ts';
import { type Db, type Draft, entity, type Write } from '../table/index.ts';

interface StoredOperation extends Operation {
  /** When the sweep asks whether its execution lives: later, where it found it alive. */
  look_at: string;
}

const operations = entity<StoredOperation>()({
  name: 'operation',
  attributes: {
    account: 'text',
    id: 'text',
    actions: 'json',
    changes: 'json',
    summary: 'text',
    state: 'text',
    requested_by: 'text',
    requested_by_person: 'text',
    approval_id: 'json',
    attempt: 'number',
    freezes: 'optional',
    announced_at: 'json',
    correlation_id: 'text',
    code: 'json',
    message: 'json',
    revision: 'number',
    look_at: 'text',
    created_at: 'text',
    updated_at: 'text',
  },
  // The sweep reads the index of the open ones.
  derived: { phase: { kind: 'text', of: ({ state }) => phaseOf(state) } },
  shards: { count: 4, of: ({ id }) => id },
  key: { pk: '${account}#operation#${id}', sk: 'operation' },
  lists: {
    byId: { index: 'gsi1', pk: '${account}#operations#${shard}', sk: '${id}' },
    byPhase: {
      index: 'gsi2',
      pk: 'operations#${phase}#${shard}',
      sk: '${look_at}#${account}#${id}',
    },
  },
});

const phaseOf = (state: OperationState) =>
  finalOperationStates.includes(state) ? 'final' : 'open';

export function getOperation(db: Db, account: string, id: string): Promise<Operation | null> {
  return operations.get(db, { account, id });
}

/**
 * A page of an account's operations, newest first; those made before the one whose id is `before`,
 * where one is given.
 */
export async function recentOperations(
  db: Db,
  account: string,
  limit: number,
  before = '',
): Promise<Operation[]> {
  const range = { limit, after: before, newestFirst: true };
  return (await operations.list(db, 'byId', { account }, range)).rows;
}

/**
 * Open operations that were not changed, nor found alive by a sweep, since `before`; the longest
 * idle first.
 */
export function idleOperations(db: Db, before: string): Promise<Operation[]> {
  return operations.due(db, 'byPhase', { phase: 'open' }, { upTo: before, limit: 1000 });
}

export function createOperation(operation: Draft<Operation>): Write {
  return operations.create(
    { ...operation, look_at: operation.updated_at },
    () => new GantryError('already_exists', `operation ${operation.id} exists`),
  );
}

/** Moves an operation on from what was read; of two movers, one gets `operation_raced`. */
export function updateOperation(
  was: Operation,
  set: Partial<Draft<Operation>> & { updated_at: string },
): Write {
  const look_at = set.updated_at;
  const read = { ...was, look_at };
  return operations.update(read, { ...set, look_at }, { refuse: () => movedError(was) });
}

/**
 * Lets the sweep look at an operation later, because its execution lives. No step of it is
 * disturbed.
 */
export function lookLater(was: Operation, look_at: string): Write {
  const { account, id, state, attempt } = was;
  const as = { state, attempt };
  return operations.adjust({ account, id }, { set: { look_at } }, as, () => movedError(was));
}

/** Lets a transaction through only while nothing about the operation changes. */
export function holdOperation({ account, id, revision }: Operation): Write {
  return operations.hold({ account, id }, { revision }, () => {
    return new GantryError('conflict', `operation ${id} moved on meanwhile`);
  });
}

function movedError(was: Operation): GantryError {
  return new GantryError(
    'operation_raced',
    `expected operation ${was.id} to be ${was.state}; it moved on meanwhile`,
  );
}
