import { GantryError } from '../../../base/error.ts';
import { type ChangePolicyBody, policyFields } from '../../../contract/operations/index.ts';
import type { Member } from '../../../domain/accounts/index.ts';
import {
  type Action,
  type Change,
  countEligible,
  defaultPolicy,
  differencesOf,
  factText,
  type InterventionPolicy,
  isUnmeetable,
  loosensPolicy,
  neverFrozenActions,
  policyChangeText,
  policyOfChange,
  racedFields,
  type StoredPolicy,
  strictestPolicy,
  versionActions,
  withPolicyChange,
} from '../../../domain/operations/index.ts';
import { checkRegexp } from '../../../signature/index.ts';
import { createEvent } from '../../../store/event.ts';
import { getPolicy, putPolicy } from '../../../store/operations/index.ts';
import type { Services } from '../../context/index.ts';
import { readReviewers } from '../read-reviewers.ts';
import {
  type ChangeKind,
  noTemplate,
  nothingFollows,
  sameInstance,
  sameView,
} from './change-kind.ts';

type PolicyChange = Change<'policy_change'>;

interface Rows {
  /** Null where the action has no row of its own. */
  stored: StoredPolicy | null;
  /** Those of the account. */
  reviewers: Member[];
}

export const policyChange: ChangeKind<'policy_change', Rows> = {
  action: ({ policy, was }) => (loosensPolicy(was, policy) ? 'policy_loosen' : 'policy_change'),

  /**
   * A change of a policy must also satisfy the policy that it replaces. A request that changes
   * nothing, as scripts repeat them, needs no reviewer of that.
   */
  async policy({ policy, was }, inForce) {
    const change = await inForce('policy_change');
    if (differencesOf(was, policy).length === 0) return change;

    const own = loosensPolicy(was, policy)
      ? strictestPolicy([change, await inForce('policy_loosen')])
      : change;
    return { ...policyOfChange(own, await inForce(policy.action)), action: own.action };
  },

  async read(services, account, { policy }) {
    const stored = await getPolicy(services.db, account, policy.action);
    return { stored, reviewers: await readReviewers(services, account) };
  },

  /**
   * Of two changes of one policy, both apply if they alter different fields. A policy with a quorum
   * of 0 would let everything through that it should hold.
   */
  check(change, { stored, reviewers }) {
    const { policy, was } = change;
    const { action, ...fields } = policy;
    const issue = policyFields.safeParse(fields).error?.issues[0];

    if (issue !== undefined) {
      const field = issue.path.join('.');
      throw new GantryError(
        'invalid_request',
        `expected a valid policy of ${action}, found ${field}: ${issue.message}`,
        { field },
      );
    }

    const current = policyInForce(policy.action, stored);
    const next = withPolicyChange(change, current);
    const raced = racedFields(change, current);
    // What reviewers let through as no loosening must not become one by another change.
    const loosened = loosensPolicy(current, next) && !loosensPolicy(was, policy);

    if (raced.length > 0 || loosened) {
      const what = raced.length > 0 ? `${raced.join(', ')} of the policy` : 'the policy';
      throw new GantryError(
        'operation_raced',
        `${what} of ${action} changed since this was requested; request it again`,
      );
    }

    refuseUseless(next);
    refuseUnmeetable(current, next, reviewers);
  },

  summary: ({ policy, was }) => policyChangeText(was, policy),
  review: ({ policy, was }) => ({ facts: differencesOf(was, policy), warnings: [] }),
  tried: noTemplate,
  affected: noTemplate,
  view: sameView,
  instance: sameInstance,

  writes({ operation, change, rows: { stored }, at }) {
    const was = policyInForce(change.policy.action, stored);
    const next = withPolicyChange(change, was);
    const { action, ...data } = next;
    return [
      putPolicy(operation.account, next, stored),
      createEvent({
        type: 'gantry.policy.changed',
        account: operation.account,
        subject: `policy/${action}`,
        actor: operation.requested_by,
        at,
        data: { ...data, was, operation_id: operation.id },
      }),
    ];
  },

  async notice(_, account, { policy, was }) {
    const { action } = policy;
    const changed = differencesOf(was, policy).map((one) => `    ${factText(one)}`);
    return {
      subject: `policy of ${action} changed`,
      text: [`The policy of ${action} in account "${account}" changed:`, '', ...changed],
    };
  },

  follow: nothingFollows,
};

/**
 * The change that a request to change a policy means. Omitted fields stay. Throws
 * `invalid_request` and `quorum_unmeetable`.
 */
export async function policyChangeOf(
  services: Services,
  account: string,
  { action, ...set }: { action: Action } & ChangePolicyBody,
): Promise<PolicyChange> {
  const stored = await getPolicy(services.db, account, action);
  const was = policyInForce(action, stored);
  const policy = { ...was, ...set };

  refuseUseless(policy);
  refuseUnmeetable(was, policy, await readReviewers(services, account));
  return { kind: 'policy_change', policy, was };
}

/** The policy in force. */
function policyInForce(action: Action, stored: StoredPolicy | null): InterventionPolicy {
  if (stored === null) return defaultPolicy(action);
  const { account: _, revision: __, ...policy } = stored;
  return policy;
}

/** Refuses what an action cannot meet, or what nobody could lift. */
function refuseUseless(policy: InterventionPolicy): void {
  const { action, min_soak_s, freeze_windows } = policy;
  const lists = ['required_attestations', 'required_builders', 'required_sources'] as const;
  const field =
    min_soak_s > 0 ? 'min_soak_s' : (lists.find((list) => policy[list].length > 0) ?? null);

  if (field !== null && !versionActions.includes(action)) {
    throw new GantryError(
      'invalid_request',
      `expected ${field} only for ${versionActions.join(', ')}, found it for ${action}`,
      { field, expected: versionActions, found: action },
    );
  }

  for (const list of ['required_builders', 'required_sources'] as const) {
    for (const [index, regexp] of policy[list].entries())
      checkRegexp(regexp, { field: `${list}[${index}]` });
  }

  if (freeze_windows.length > 0 && neverFrozenActions.includes(action)) {
    throw new GantryError(
      'invalid_request',
      `expected no freeze_windows for ${action}, which lifts freezes; freeze other actions`,
      { field: 'freeze_windows', found: action },
    );
  }
}

function refuseUnmeetable(
  was: InterventionPolicy,
  now: InterventionPolicy,
  reviewers: readonly Member[],
): void {
  if (!isUnmeetable(was, now, reviewers)) return;

  const { action, quorum, reviewer_groups } = now;
  const people = countEligible(now, reviewers);
  const groups = reviewer_groups.length === 0 ? '' : ` in ${reviewer_groups.join(' and ')}`;
  throw new GantryError(
    'quorum_unmeetable',
    `expected at least ${quorum} reviewer${quorum === 1 ? '' : 's'}${groups} for a quorum of ${quorum} of ${action}, found ${people}; ` +
      'add reviewers first, or set a lower quorum',
    { field: 'quorum', expected: people, found: quorum },
  );
}
