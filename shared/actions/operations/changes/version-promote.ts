import { GantryError } from '../../../base/error.ts';
import { listSome } from '../../../base/list-some.ts';
import { ownValue } from '../../../base/own-value.ts';
import { formatSeconds } from '../../../base/time.ts';
import {
  lifecycleAliases,
  type Module,
  type PromotionState,
  promotionSteps,
  promotionTargets,
  type Version,
  warnOfVersion,
} from '../../../domain/modules/index.ts';
import {
  type Action,
  type Change,
  describeUse,
  missingAttestations,
  missingProvenance,
  type PromotionStep,
  strictestPolicy,
  unfinishedSoak,
} from '../../../domain/operations/index.ts';
import { attestationText } from '../../../domain/signatures/index.ts';
import { tracks } from '../../../domain/templates/index.ts';
import { compileRegexp } from '../../../signature/index.ts';
import { createEvent } from '../../../store/event.ts';
import { getModule, getVersion, moveLive, moveVersion } from '../../../store/modules/index.ts';
import type { Write } from '../../../store/table/index.ts';
import type { Services } from '../../context/index.ts';
import {
  requireModule,
  requireVersion,
  usesWithoutSuccessor,
  type VersionUse,
} from '../../modules/index.ts';
import {
  type Affected,
  type Applied,
  type ChangeKind,
  nothingFollows,
  sameInstance,
} from './change-kind.ts';
import { versionFacts, warnDowngrade, warnPrivileged } from './review-text.ts';

type Promotion = Change<'version_promote'>;

interface Rows {
  version: Version;
  module: Module;
  /** The version that is live now. */
  live: Version | null;
  /**
   * Of a version that would be retired: the compositions of the account that would lose the module.
   */
  uses: VersionUse[];
}

/** Machines on track staging only try versions out, so they hold up no retirement. */
const guardedTracks = tracks.filter((track) => track !== 'staging');

const actionFor: Record<PromotionState, Action> = {
  built: 'module_promote_to_staging',
  staging: 'module_promote_to_staging',
  blessed: 'module_promote_to_blessed',
  live: 'module_promote_to_live',
  retired: 'module_retire',
};

export const versionPromote: ChangeKind<'version_promote', Rows> = {
  action: actionOf,

  /** A promotion over several states meets the policy of each. */
  async policy(change, inForce) {
    const action = actionOf(change);
    const passed = stepsOf(change).slice(0, -1);
    const policies = await Promise.all(passed.map((step) => inForce(actionFor[step])));
    return { ...strictestPolicy([await inForce(action), ...policies]), action };
  },

  async meet(change, { version }, inForce, now) {
    const passed = promotionSteps(version.promotion_state, change.to);
    const steps = await Promise.all(
      passed
        .filter((to) => !['built', 'retired'].includes(to))
        .map(async (to) => ({ to, policy: await inForce(actionFor[to]) })),
    );
    refuseUnsoaked(version, steps, now);
    refuseUnattested(version, steps);
  },

  async read(services, account, change) {
    const [version, module] = await Promise.all([
      requireVersion(services, account, change.version_id),
      requireModule(services, account, change.module),
    ]);
    const { live_version_id } = module;
    const live =
      live_version_id === null ? null : await getVersion(services.db, account, live_version_id);

    const uses =
      change.to === 'retired' ? await usesWithoutSuccessor(services, version, guardedTracks) : [];

    return { version, module, live, uses };
  },

  /**
   * The step was allowed when it was requested. If it is not now, another request changed the
   * version: one of two promotions to live wins. A version that went part of the way meanwhile has
   * only policies to meet that this request meets too.
   */
  check(change, { version, module, live, uses }) {
    const state = version.promotion_state;
    const legal = promotionSteps(state, change.to).length > 0;
    const reviewed = [change.from, ...stepsOf(change)].includes(state) || change.to === 'retired';
    if (!legal || !reviewed) {
      throw promotionRacedError(
        `${label(version)} is now ${state} and cannot become ${change.to} by this request`,
      );
    }

    assertPromotable(version, change.to);
    if (!change.withdraw) refuseInUse(version, uses);
    if (change.to !== 'live' || module.live_version_id === change.replaces) return;

    throw promotionRacedError(
      `${live === null ? 'no version' : label(live)} is live now, unlike when this was requested`,
    );
  },

  summary({ from, to, withdraw }, { version }) {
    if (to === 'retired') return `${withdraw ? 'withdraw' : 'retire'} ${label(version)}`;
    if (to !== 'built') return `promote ${label(version)} to ${to}`;
    return from === 'retired'
      ? `restore ${label(version)}`
      : `take ${label(version)} back to ${to}`;
  },

  review({ to }, { version, module, live }) {
    const old = to === 'live' && live?.id !== version.id ? live : null;
    const state = { name: 'state', was: version.promotion_state, now: to };
    const facts = [...versionFacts(old, version), state];
    const warnings = [
      ...warnOfVersion(version, module),
      ...warnPrivileged(live, version),
      ...(old === null ? [] : warnDowngrade(old, version)),
    ];
    return { facts, warnings };
  },

  brings: ({ version_id, replaces }, account) => ({ account, version_id, replaces }),

  tried: usersOfVersion,
  affected: usersOfVersion,

  view(view, change) {
    const states = new Map(view.states).set(change.version_id, change.to);
    const { replaces } = change;
    if (change.to === 'live' && replaces !== null && replaces !== change.version_id)
      states.set(replaces, 'blessed');
    const withdrawn = change.withdraw
      ? new Set(view.withdrawn).add(change.version_id)
      : view.withdrawn;
    return { ...view, states, withdrawn };
  },

  instance: sameInstance,
  writes: promotionWrites,
  follow: nothingFollows,
};

export interface PromotionInput {
  version_id: string;
  to: string;
  /** To retire what is in use. */
  withdraw?: boolean;
}

/**
 * The change that a request for a promotion means. Throws `not_found`, `in_use` and what
 * `assertPromotable` throws: what is not allowed now is refused before anything is recorded.
 */
export async function promotionOf(
  services: Services,
  account: string,
  input: PromotionInput,
): Promise<Promotion> {
  const version = await requireVersion(services, account, input.version_id);
  const to = (ownValue(lifecycleAliases, input.to) ?? input.to) as PromotionState;
  const withdraw = input.withdraw ?? false;

  assertPromotable(version, to);
  if (withdraw && to !== 'retired') {
    throw new GantryError('invalid_request', `expected withdraw only with retired, found ${to}`, {
      field: 'withdraw',
    });
  }
  if (to === 'retired' && !withdraw)
    refuseInUse(version, await usesWithoutSuccessor(services, version, guardedTracks));

  const module = await getModule(services.db, account, version.module);
  const replaces = to === 'live' ? (module?.live_version_id ?? null) : null;
  const { promotion_state: from, id: version_id } = version;

  return {
    kind: 'version_promote',
    module: version.module,
    version_id,
    from,
    to,
    withdraw,
    replaces,
  };
}

/**
 * Throws `promotion_state_invalid`, `version_held` or `version_quarantined` if the version's state
 * does not allow the step.
 */
export function assertPromotable(
  version: Pick<Version, 'module' | 'version_string' | 'promotion_state' | 'quarantined' | 'held'>,
  to: PromotionState,
): void {
  if (promotionSteps(version.promotion_state, to).length === 0) {
    const allowed = promotionTargets(version.promotion_state);
    throw new GantryError(
      'promotion_state_invalid',
      `${label(version)} is ${version.promotion_state}: expected a promotion to ${allowed.join(' or ')}, found "${to}"`,
      { field: 'to', expected: allowed, found: to },
    );
  }
  if (to === 'retired' || to === 'built') return;
  if (version.held) {
    throw new GantryError(
      'version_held',
      `${label(version)} was rolled back and is held: release it first`,
    );
  }
  if (version.quarantined) {
    throw new GantryError(
      'version_quarantined',
      `${label(version)} is quarantined; it can only be retired or go back to built`,
    );
  }
}

/** Throws `in_use` for compositions that the retirement of a version would take a module from. */
function refuseInUse(version: Version, uses: readonly VersionUse[]): void {
  if (uses.length === 0) return;

  const found = uses.map(describeUse);
  throw new GantryError(
    'in_use',
    `${label(version)} is in use by ${listSome(found)}, and no other version can take over. Promote another version to live first, or withdraw this one by name (--withdraw)`,
    { field: 'withdraw', found },
  );
}

/** Throws `soak_unfinished` for a version that was not long enough in the state before. */
function refuseUnsoaked(version: Version, steps: readonly PromotionStep[], now: Date): void {
  const early = unfinishedSoak(version, steps, now);
  if (early === null) return;

  const { in_state, to, min_soak_s, ends_at } = early;
  const expected = `${label(version)} to be ${in_state} for ${formatSeconds(min_soak_s)} before it becomes ${to}`;
  const next =
    ends_at === null
      ? `found it ${version.promotion_state}; promote it to ${in_state} first`
      : `found it ${in_state} since ${version.state_changed_at}; request it again at ${ends_at}`;

  throw new GantryError('soak_unfinished', `expected ${expected}, ${next}`, {
    field: 'to',
    expected: min_soak_s,
    found: ends_at,
  });
}

/** Throws `attestation_missing` for a version without what a policy of its steps requires. */
function refuseUnattested(version: Version, steps: readonly PromotionStep[]): void {
  const carried = version.signatures.flatMap(({ attestation }) => attestation ?? []);
  const types = carried.map(({ predicate_type }) => predicate_type);
  const builds = version.builds.map(({ manifest_digest }) => manifest_digest);
  const lacking = steps.flatMap(({ policy }) => [
    ...missingAttestations(policy.required_attestations, { carried, builds }),
    missingProvenance(policy, { carried, builds }, compileRegexp),
  ]);
  const missing = [...new Set(lacking)].filter((text) => text !== null);
  if (missing.length === 0) return;

  const found =
    carried.length === 0 ? 'none' : listSome([...new Set(carried.map(attestationText))]);
  throw new GantryError(
    'attestation_missing',
    `expected ${label(version)} to carry verified attestations of type ${missing.join(', ')}, found ${found}; attest it, then run gantry module poll ${version.module} and request this again`,
    { expected: missing, found: types },
  );
}

function actionOf({ from, to, withdraw }: Promotion): Action {
  if (withdraw) return 'module_withdraw';
  return from === 'retired' ? 'module_retire' : actionFor[to];
}

function stepsOf({ from, to }: Promotion): PromotionState[] {
  return promotionSteps(from, to);
}

/** A version in staging affects only its own account. */
function usersOfVersion({ module, version_id, to }: Promotion): Affected {
  const own = to === 'staging' || to === 'built';
  return { of: 'module', module, version_id, others: own ? 'never' : 'if_public' };
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
  const action = actionOf(change);
  const kept = [...version.approvals, ...approvals.map((one) => ({ ...one, action }))];

  const event = (of: Version, verb: 'promoted' | 'superseded' | 'retired' | 'restored') =>
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
      moveVersion(version, change.to, at, { approvals: kept, withdrawn: change.withdraw }),
      ...(now === version.id ? [moveLive(account, change.module, now, null)] : []),
      event(version, verbs[change.to]),
    ];
  }

  return [
    moveVersion(version, 'live', at, { was_live: true, approvals: kept }),
    moveLive(account, change.module, now, version.id),
    ...(live === null ? [] : [moveVersion(live, 'blessed', at), event(live, 'superseded')]),
    event(version, 'promoted'),
  ];
}

const verbs = {
  built: 'restored',
  staging: 'promoted',
  blessed: 'promoted',
  retired: 'retired',
} as const;

function label({ module, version_string }: Pick<Version, 'module' | 'version_string'>): string {
  return `${module} ${version_string}`;
}

function promotionRacedError(found: string): GantryError {
  return new GantryError(
    'operation_raced',
    `another promotion was faster: ${found}; request it again`,
  );
}
