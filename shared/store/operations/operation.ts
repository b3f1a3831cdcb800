import { Entity } from 'electrodb';
import { GantryError } from '../../base/error.ts';
import type { ErrorCode } from '../../base/error-codes.ts';
import {
  type Action,
  type Approval,
  type ApprovalDecision,
  actions,
  type Change,
  type Decision,
  finalOperationStates,
  type InterventionPolicy,
  type Operation,
  type OperationState,
} from '../../domain/operations/index.ts';
import {
  type Attributes,
  change,
  create,
  type Db,
  flag,
  json,
  key,
  number,
  query,
  read,
  service,
  shardOf,
  text,
  type Write,
} from '../db.ts';

const listShards = 4;
const options = { table: 'table' };

const operations = new Entity(
  {
    model: { entity: 'operation', version: '1', service },
    attributes: {
      account: text,
      id: text,
      shard: number,
      /** `open` or `final`: the index of the open ones is what the sweep reads. */
      phase: text,
      actions: json<Action[]>(),
      changes: json<Change[]>(),
      summary: text,
      state: json<OperationState>(),
      requested_by: text,
      approval_id: json<string | null>(),
      attempt: number,
      correlation_id: text,
      code: json<ErrorCode | null>(),
      message: json<string | null>(),
      created_at: text,
      updated_at: text,
      /** When the sweep asks whether its execution lives: later, where it found it alive. */
      look_at: text,
    } satisfies Attributes<Operation>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'id'], '${account}#operation#${id}'),
        sk: key('sk', [], 'operation'),
      },
      list: {
        index: 'gsi1',
        pk: key('gsi1pk', ['account', 'shard'], '${account}#operations#${shard}'),
        sk: key('gsi1sk', ['id'], '${id}'),
      },
      byPhase: {
        index: 'gsi2',
        pk: key('gsi2pk', ['phase', 'shard'], 'operations#${phase}#${shard}'),
        sk: key('gsi2sk', ['look_at', 'account', 'id'], '${look_at}#${account}#${id}'),
      },
    },
  } as const,
  options,
);

const approvals = new Entity(
  {
    model: { entity: 'approval', version: '1', service },
    attributes: {
      account: text,
      id: text,
      operation_id: text,
      actions: json<Action[]>(),
      summary: text,
      requested_by: text,
      state: json<Approval['state']>(),
      quorum: number,
      self_approval: flag,
      decisions: json<ApprovalDecision[]>(),
      /** How many decisions there are: what a concurrent decision collides on. */
      decided: number,
      task_token: json<string | null>(),
      mailed_at: json<string | null>(),
      expires_at: text,
      created_at: text,
    } satisfies Attributes<Approval>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'id'], '${account}#approval#${id}'),
        sk: key('sk', [], 'approval'),
      },
      list: {
        index: 'gsi1',
        pk: key('gsi1pk', ['account'], '${account}#approvals'),
        sk: key('gsi1sk', ['id'], '${id}'),
      },
    },
  } as const,
  options,
);

const policies = new Entity(
  {
    model: { entity: 'policy', version: '1', service },
    attributes: {
      account: text,
      action: { type: actions, required: true },
      decision: json<Decision>(),
      quorum: number,
      self_approval: flag,
      expires_in_s: number,
    } satisfies Attributes<InterventionPolicy>,
    indexes: {
      primary: {
        pk: key('pk', ['account'], '${account}#policies'),
        sk: key('sk', ['action'], 'policy#${action}'),
      },
    },
  } as const,
  options,
);

const phaseOf = (state: OperationState) =>
  finalOperationStates.includes(state) ? 'final' : 'open';

export function getOperation(db: Db, account: string, id: string): Promise<Operation | null> {
  return read(db, operations, operations.get({ account, id }).params());
}

/** Operations of an account, newest first; those made before the one whose id is `before`, where one is given. */
export async function recentOperations(
  db: Db,
  account: string,
  limit: number,
  before = '',
): Promise<Operation[]> {
  const pages = await Promise.all(
    Array.from({ length: listShards }, (_, shard) => {
      const list = operations.query.list({ account, shard });
      return query<Operation>(
        db,
        operations,
        (before === '' ? list : list.lt({ id: before })).params(),
        limit,
        true,
      );
    }),
  );
  return pages
    .flat()
    .sort((a, b) => (a.id < b.id ? 1 : -1))
    .slice(0, limit);
}

/** Open operations that nothing has touched, and no sweep has found alive, since `before`; the longest idle first. */
export async function idleOperations(db: Db, before: string): Promise<Operation[]> {
  const pages = await Promise.all(
    Array.from({ length: listShards }, (_, shard) =>
      query<Operation>(
        db,
        operations,
        operations.query.byPhase({ phase: 'open', shard }).lte({ look_at: before }).params(),
        250,
      ),
    ),
  );
  return pages.flat();
}

export function createOperation(operation: Operation): Write {
  const { id, state, updated_at } = operation;
  const row = {
    ...operation,
    phase: phaseOf(state),
    shard: shardOf(id, listShards),
    look_at: updated_at,
  };
  return create(
    operations.create(row as never).params(),
    () => new GantryError('already_exists', `operation ${operation.id} exists`),
  );
}

/** Moves an operation from the state it was read in; anything else that moved it first wins. */
export function updateOperation(
  was: Operation,
  set: Partial<Operation> & { updated_at: string },
): Write {
  const phase = phaseOf(set.state ?? was.state);
  return moved(was, { ...set, phase, look_at: set.updated_at });
}

/** Lets the sweep look at an operation later than at others: it has just been found alive. */
export function lookLater(was: Operation, look_at: string): Write {
  return moved(was, { phase: phaseOf(was.state), look_at });
}

function moved(was: Operation, set: object): Write {
  return change(
    operations
      .patch({ account: was.account, id: was.id })
      .set({ ...set, shard: shardOf(was.id, listShards) } as never)
      .where(
        ({ state, attempt }, { eq }) =>
          `${eq(state as never, was.state as never)} AND ${eq(attempt, was.attempt)}`,
      )
      .params(),
    () =>
      new GantryError(
        'operation_raced',
        `expected operation ${was.id} to be ${was.state}; it moved on meanwhile`,
      ),
  );
}

export function getApproval(db: Db, account: string, id: string): Promise<Approval | null> {
  return read(db, approvals, approvals.get({ account, id }).params());
}

export function listApprovals(db: Db, account: string, limit = 1000): Promise<Approval[]> {
  return query(db, approvals, approvals.query.list({ account }).params(), limit, true);
}

export function createApproval(approval: Approval): Write {
  return create(
    approvals.create({ ...approval, decided: approval.decisions.length } as never).params(),
    () => new GantryError('already_exists', `approval ${approval.id} exists`),
  );
}

/** Changes an approval that is still pending and holds as many decisions as when it was read; `conflict` says to read it again. */
export function updateApproval(was: Approval, set: Partial<Approval>): Write {
  return change(
    approvals
      .patch({ account: was.account, id: was.id })
      .set({ ...set, decided: (set.decisions ?? was.decisions).length } as never)
      .where(
        ({ state, decided }, { eq }) =>
          `${eq(state as never, 'pending' as never)} AND ${eq(decided, was.decisions.length)}`,
      )
      .params(),
    () => new GantryError('conflict', 'the request was decided or changed at the same time'),
  );
}

export function getPolicy(
  db: Db,
  account: string,
  action: Action,
): Promise<InterventionPolicy | null> {
  return read(db, policies, policies.get({ account, action } as never).params());
}

export function listPolicies(db: Db, account: string): Promise<InterventionPolicy[]> {
  return query(db, policies, policies.query.primary({ account }).params());
}

/** Replaces a policy, if it still is as it was read; null where the action had no row of its own. */
export function putPolicy(
  account: string,
  policy: InterventionPolicy,
  was: InterventionPolicy | null,
): Write {
  return change(
    policies
      .put({ account, ...policy } as never)
      .where((row, { eq, notExists }) => {
        if (was === null) return notExists(row.decision);
        const { decision, quorum, self_approval, expires_in_s } = was;
        const same = [eq(row.decision as never, decision as never), eq(row.quorum, quorum)];
        return [
          ...same,
          eq(row.self_approval, self_approval),
          eq(row.expires_in_s, expires_in_s),
        ].join(' AND ');
      })
      .params(),
  );
}
