import { GantryError } from '../../../base/error.ts';
import type { Caller } from '../../../domain/accounts/index.ts';
import {
  canPromote,
  lifecycleAliases,
  type PromotionState,
  type PromotionTarget,
  promotionTargets,
} from '../../../domain/modules/index.ts';
import type { Action, Operation } from '../../../domain/operations/index.ts';
import { getModule, getVersion } from '../../../store/modules/index.ts';
import type { Services } from '../../context/index.ts';
import { requestOperation } from '../request-operation.ts';

const actionFor: Record<PromotionTarget, Action> = {
  staging: 'module_promote_to_staging',
  blessed: 'module_promote_to_blessed',
  live: 'module_promote_to_live',
  retired: 'module_retire',
};

/** Asks for a version to be promoted. A step that the state does not allow is refused before anything is recorded. */
export async function promoteVersion(
  services: Services,
  caller: Caller,
  input: { id: string; to: string },
): Promise<Operation> {
  const to = (lifecycleAliases[input.to] ?? input.to) as PromotionState;
  const version = await getVersion(services.db, caller.account, input.id);
  if (version === null) {
    throw new GantryError(
      'not_found',
      `expected a version of account "${caller.account}", found no ${input.id}`,
    );
  }
  assertPromotable(version, to);
  const summary = `${to === 'retired' ? 'retire' : 'promote'} ${version.module} ${version.version_string}${to === 'retired' ? '' : ` to ${to}`}`;
  const target = to as PromotionTarget;
  const module = await getModule(services.db, caller.account, version.module);
  const replaces = target === 'live' ? (module?.live_version_id ?? null) : null;
  const change = {
    kind: 'promote_version',
    module: version.module,
    version_id: version.id,
    to: target,
    replaces,
  } as const;
  return requestOperation(services, caller, actionFor[target], change, summary);
}

/** Throws `promotion_state_invalid` or `version_quarantined` when the step is not allowed from where the version is. */
export function assertPromotable(
  version: {
    module: string;
    version_string: string;
    promotion_state: PromotionState;
    quarantined: boolean;
  },
  to: PromotionState,
): void {
  const name = `${version.module} ${version.version_string}`;
  if (!canPromote(version.promotion_state, to)) {
    const allowed = promotionTargets(version.promotion_state);
    throw new GantryError(
      'promotion_state_invalid',
      `${name} is ${version.promotion_state}: expected ${allowed.length === 0 ? 'no further promotion' : `a promotion to ${allowed.join(' or ')}`}, found "${to}"`,
      { field: 'to', expected: allowed, found: to },
    );
  }
  if (version.quarantined && to !== 'retired') {
    throw new GantryError('version_quarantined', `${name} is quarantined; it can only be retired`);
  }
}
