import { GantryError } from '../../../base/error.ts';
import { newId } from '../../../base/ids.ts';
import {
  canRollBackTo,
  type Module,
  previousLive,
  type Version,
  withheldBy,
  withheldFields,
} from '../../../domain/modules/index.ts';
import {
  type Change,
  type Operation,
  reviewedAfterwards,
} from '../../../domain/operations/index.ts';
import {
  getVersion,
  moveLive,
  moveVersion,
  readVersions,
  versionEvent,
} from '../../../store/modules/index.ts';
import { createOperation } from '../../../store/operations/index.ts';
import type { Write } from '../../../store/table/index.ts';
import type { Services } from '../../context/index.ts';
import { requireModule, requireVersion } from '../../modules/index.ts';
import {
  type Affected,
  type Applied,
  type ChangeKind,
  nothingFollows,
  sameInstance,
} from './change-kind.ts';
import { stateFact, versionFacts } from './review-text.ts';

type Rollback = Change<'version_rollback'>;

interface Rows {
  module: Module;
  /** The version that is held. */
  bad: Version;
  /** The version that becomes live again. */
  target: Version;
}

export const versionRollback: ChangeKind<'version_rollback', Rows> = {
  action: () => 'module_rollback',

  async policy(change, inForce) {
    const policy = await inForce('module_rollback');
    return isBreakGlass(change) ? reviewedAfterwards(policy) : policy;
  },

  isReviewedAfterwards: isBreakGlass,

  async read(services, account, change) {
    const [module, bad, target] = await Promise.all([
      requireModule(services, account, change.module),
      requireVersion(services, account, change.version_id),
      requireVersion(services, account, change.to_version_id),
    ]);
    return { module, bad, target };
  },

  check({ version_id }, { module, target }) {
    if (module.live_version_id !== version_id) {
      throw new GantryError(
        'operation_raced',
        `another version of ${module.name} is live than when this was requested; request it again`,
      );
    }
    refuseTarget(target);
  },

  summary: (_, { bad, target }) =>
    `roll ${bad.module} ${bad.version_string} back to ${target.version_string}`,

  review({ reason }, { bad, target }) {
    return { facts: [...versionFacts(bad, target), ...stateFact('reason', reason)], warnings: [] };
  },

  asked: ({ review_id, ...rest }) => ({ ...rest, break_glass: review_id !== null }),

  tried: usersOfTarget,
  affected: usersOfTarget,

  view(view, { version_id, to_version_id }) {
    const states = new Map(view.states).set(version_id, 'blessed').set(to_version_id, 'live');
    return { ...view, states, held: new Set(view.held).add(version_id) };
  },

  instance: sameInstance,
  writes: rollbackWrites,

  /** The sweep starts the review, as it starts every operation without an execution. */
  follow: nothingFollows,
};

function isBreakGlass({ review_id }: Pick<Rollback, 'review_id'>): boolean {
  return review_id !== null;
}

export interface RollbackInput {
  module: string;
  /** Version string; without it, the version that was live before. */
  to?: string;
  reason?: string;
  /** Apply it immediately and ask reviewers afterwards. */
  break_glass?: boolean;
}

/**
 * The change that a request to roll a module back means. Throws `not_found`, and
 * `rollback_impossible` where no version is live or none was live before.
 */
export async function rollbackOf(
  services: Services,
  account: string,
  { module: name, to, reason = 'rolled back', break_glass = false }: RollbackInput,
): Promise<Rollback> {
  const { live_version_id } = await requireModule(services, account, name);
  const bad =
    live_version_id === null ? null : await getVersion(services.db, account, live_version_id);
  if (bad === null) throw impossibleError(`a live version of ${name}`, 'none');

  const others = (await readVersions(services.db, account, name)).filter(({ id }) => id !== bad.id);
  const target =
    to === undefined
      ? previousLive(others)
      : (others.find(({ version_string, tags }) => version_string === to || tags.includes(to)) ??
        null);
  if (target === null) {
    const expected = others.filter(canRollBackTo).map(({ version_string }) => version_string);
    const known = expected.length === 0 ? '' : `: ${expected.join(', ')}`;
    throw impossibleError(`a version of ${name} that was live before${known}`, to ?? 'none');
  }
  refuseTarget(target);

  return {
    kind: 'version_rollback',
    module: name,
    version_id: bad.id,
    to_version_id: target.id,
    reason,
    review_id: break_glass ? newId('operation') : null,
  };
}

/** Throws `rollback_impossible` for a version that machines must not get without a review. */
function refuseTarget(target: Version): void {
  if (canRollBackTo(target)) return;

  const { module, version_string, was_live, promotion_state } = target;
  const now = withheldBy(target);
  const found = [
    was_live ? 'was live' : 'was never live',
    `is ${promotion_state}`,
    ...(now === null ? [] : [`is ${now.kind}: ${now.reason}`]),
  ];
  throw impossibleError(
    `a blessed version that was live before and that nothing withholds`,
    `that ${module} ${version_string} ${found.join(', ')}`,
  );
}

function impossibleError(expected: string, found: string): GantryError {
  return new GantryError('rollback_impossible', `expected ${expected}; found ${found}`, {
    field: 'to',
  });
}

/** The templates that use the version which is live after a rollback. */
export function usersOfTarget({
  module,
  to_version_id,
}: Pick<Rollback, 'module' | 'to_version_id'>): Affected {
  return { of: 'module', module, version_id: to_version_id, others: 'if_public' };
}

function rollbackWrites({
  operation,
  change,
  rows: { bad, target },
  approvals,
  at,
}: Applied<'version_rollback', Rows>): Write[] {
  const { id: operation_id, requested_by: by, account } = operation;
  const { reason, review_id } = change;
  const held = withheldFields(bad, {
    ...bad.withheld,
    held: { reason, by, at, operation_id },
  });
  const kept = approvals.map((one) => ({ ...one, action: 'module_rollback' }));
  const cause = { actor: by, at };

  return [
    moveVersion(bad, 'blessed', at, held),
    moveVersion(target, 'live', at, { approvals: [...target.approvals, ...kept] }),
    moveLive(account, change.module, bad.id, target.id),
    versionEvent(bad, cause, 'rolled_back', {
      version: bad.version_string,
      to: target.version_string,
      reason,
      review_id,
      operation_id,
    }),
    versionEvent(target, cause, 'promoted', {
      version: target.version_string,
      from: target.promotion_state,
      operation_id,
    }),
    ...(review_id === null
      ? []
      : [createOperation(reviewOf(review_id, { operation, change, bad, target, at }))]),
  ];
}

/** The operation that asks reviewers about a rollback which is applied already. */
function reviewOf(
  id: string,
  {
    operation,
    change,
    bad,
    target,
    at,
  }: Pick<Applied<'version_rollback', Rows>, 'operation' | 'change' | 'at'> & Omit<Rows, 'module'>,
): Operation {
  const { module, version_id, to_version_id, reason } = change;
  return {
    account: operation.account,
    id,
    actions: ['module_rollback'],
    changes: [
      {
        kind: 'rollback_review',
        module,
        version_id,
        to_version_id,
        reason,
        rollback_id: operation.id,
      },
    ],
    summary: `confirm the rollback of ${module} ${bad.version_string} to ${target.version_string}, which is applied already`,
    state: 'requested',
    requested_by: operation.requested_by,
    requested_by_person: operation.requested_by_person,
    approval_id: null,
    attempt: 1,
    announced_at: null,
    correlation_id: id,
    code: null,
    message: null,
    revision: 1,
    created_at: at,
    updated_at: at,
  };
}
