import { GantryError } from '../../../base/error.ts';
import {
  canPromote,
  lifecycleAliases,
  type Module,
  type PromotionState,
  type PromotionTarget,
  promotionTargets,
  type Version,
} from '../../../domain/modules/index.ts';
import type { Action, Change } from '../../../domain/operations/index.ts';
import { createEvent } from '../../../store/event.ts';
import { getModule, getVersion, moveLive, moveVersion } from '../../../store/modules/index.ts';
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

type Promotion = Change<'version_promote'>;

interface Rows {
  version: Version;
  module: Module;
  /** The version that is live now. */
  live: Version | null;
}

const actionFor: Record<PromotionTarget, Action> = {
  staging: 'module_promote_to_staging',
  blessed: 'module_promote_to_blessed',
  live: 'module_promote_to_live',
  retired: 'module_retire',
};

export const versionPromote: ChangeKind<'version_promote', Rows> = {
  action: ({ to }) => actionFor[to],
  policy: ({ to }, inForce) => inForce(actionFor[to]),

  async read(services, account, change) {
    const [version, module] = await Promise.all([
      requireVersion(services, account, change.version_id),
      requireModule(services, account, change.module),
    ]);
    const { live_version_id } = module;
    const live =
      live_version_id === null ? null : await getVersion(services.db, account, live_version_id);

    return { version, module, live };
  },

  /**
   * The step was allowed when it was requested. If it is not now, another request changed the
   * version: one of two promotions to live wins.
   */
  check(change, { version, module, live }) {
    if (!canPromote(version.promotion_state, change.to)) {
      throw promotionRacedError(
        `${label(version)} is now ${version.promotion_state} and cannot become ${change.to}`,
      );
    }

    assertPromotable(version, change.to);
    if (change.to !== 'live' || module.live_version_id === change.replaces) return;

    throw promotionRacedError(
      `${live === null ? 'no version' : label(live)} is live now, unlike when this was requested`,
    );
  },

  summary({ to }, { version }) {
    return to === 'retired' ? `retire ${label(version)}` : `promote ${label(version)} to ${to}`;
  },

  tried: usersOfVersion,
  affected: usersOfVersion,

  view(view, change) {
    const states = new Map(view.states).set(change.version_id, change.to);
    const { replaces } = change;
    if (change.to === 'live' && replaces !== null && replaces !== change.version_id)
      states.set(replaces, 'blessed');
    return { ...view, states };
  },

  instance: sameInstance,
  writes: promotionWrites,
  follow: nothingFollows,
};

/**
 * The change that a request for a promotion means. Throws `not_found`, and what `assertPromotable`
 * throws: a step that the state does not allow is refused before anything is recorded.
 */
export async function promotionOf(
  services: Services,
  account: string,
  input: { version_id: string; to: string },
): Promise<Promotion> {
  const version = await requireVersion(services, account, input.version_id);
  const to = (lifecycleAliases[input.to] ?? input.to) as PromotionTarget;

  assertPromotable(version, to);
  const module = await getModule(services.db, account, version.module);
  const replaces = to === 'live' ? (module?.live_version_id ?? null) : null;

  return { kind: 'version_promote', module: version.module, version_id: version.id, to, replaces };
}

/**
 * Throws `promotion_state_invalid` or `version_quarantined` if the version's state does not allow
 * the step.
 */
export function assertPromotable(
  version: Pick<Version, 'module' | 'version_string' | 'promotion_state' | 'quarantined'>,
  to: PromotionState,
): void {
  if (!canPromote(version.promotion_state, to)) {
    const allowed = promotionTargets(version.promotion_state);
    throw new GantryError(
      'promotion_state_invalid',
      `${label(version)} is ${version.promotion_state}: expected ${allowed.length === 0 ? 'no further promotion' : `a promotion to ${allowed.join(' or ')}`}, found "${to}"`,
      { field: 'to', expected: allowed, found: to },
    );
  }
  if (version.quarantined && to !== 'retired') {
    throw new GantryError(
      'version_quarantined',
      `${label(version)} is quarantined; it can only be retired`,
    );
  }
}

/** A version in staging affects only its own account. */
function usersOfVersion({ module, version_id, to }: Promotion): Affected {
  return { of: 'module', module, version_id, others: to === 'staging' ? 'never' : 'if_public' };
}

function promotionWrites({
  operation,
  change,
  rows: { version, module, live },
  approvals,
  at,
}: Applied<'version_promote', Rows>): Write[] {
  const { account } = operation;
  const now = module.live_version_id;
  const action = actionFor[change.to];
  const kept = [...version.approvals, ...approvals.map((one) => ({ ...one, action }))];

  const event = (of: Version, verb: 'promoted' | 'superseded' | 'retired') =>
    createEvent({
      type: `gantry.version.${verb}`,
      account,
      subject: `version/${of.id}`,
      actor: operation.requested_by,
      at,
      data: {
        module: of.module,
        version: of.version_string,
        from: of.promotion_state,
        operation_id: operation.id,
      },
    });

  if (change.to !== 'live') {
    return [
      moveVersion(version, change.to, at, { approvals: kept }),
      ...(now === version.id ? [moveLive(account, change.module, now, null)] : []),
      event(version, change.to === 'retired' ? 'retired' : 'promoted'),
    ];
  }

  return [
    moveVersion(version, 'live', at, { was_live: true, approvals: kept }),
    moveLive(account, change.module, now, version.id),
    ...(live === null ? [] : [moveVersion(live, 'blessed', at), event(live, 'superseded')]),
    event(version, 'promoted'),
  ];
}

function label({ module, version_string }: Pick<Version, 'module' | 'version_string'>): string {
  return `${module} ${version_string}`;
}

function promotionRacedError(found: string): GantryError {
  return new GantryError(
    'operation_raced',
    `another promotion was faster: ${found}; request it again`,
  );
}
