import { GantryError } from '../../../base/error.ts';
import { type ChangePolicyBody, policyFields } from '../../../contract/operations/index.ts';
import { countReviewers } from '../../../domain/accounts/index.ts';
import {
  type Action,
  type Change,
  defaultPolicy,
  differencesOf,
  type InterventionPolicy,
  isUnmeetable,
  loosensPolicy,
  policyChangeText,
  policyOfChange,
  type StoredPolicy,
  strictestPolicy,
} from '../../../domain/operations/index.ts';
import { getRoster, reviewersOf } from '../../../store/accounts/index.ts';
import { createEvent } from '../../../store/event.ts';
import { getPolicy, putPolicy } from '../../../store/operations/index.ts';
import type { Services } from '../../context/index.ts';
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
  /** How many people may review. */
  people: number;
}

export const policyChange: ChangeKind<'policy_change', Rows> = {
  action: ({ policy, was }) => (loosensPolicy(was, policy) ? 'policy_loosen' : 'policy_change'),

  /** A change of a policy must also satisfy the policy that it replaces. */
  async policy({ policy, was }, inForce) {
    const change = await inForce('policy_change');
    const own = loosensPolicy(was, policy)
      ? strictestPolicy([change, await inForce('policy_loosen')])
      : change;
    return { ...policyOfChange(own, await inForce(policy.action)), action: own.action };
  },

  async read(services, account, { policy }) {
    const stored = await getPolicy(services.db, account, policy.action);
    return { stored, people: await countPeople(services, account) };
  },

  /** A policy with a quorum of 0 would let everything through that it should hold. */
  check({ policy, was }, { stored, people }) {
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

    if (differencesOf(was, stored ?? defaultPolicy(action)).length > 0) {
      throw new GantryError(
        'operation_raced',
        `the policy of ${action} changed since this was requested; request it again`,
      );
    }

    refuseUnmeetable(was, policy, people);
  },

  summary: ({ policy, was }) => policyChangeText(was, policy),
  tried: noTemplate,
  affected: noTemplate,
  view: sameView,
  instance: sameInstance,

  writes({ operation, change, rows: { stored }, at }) {
    const { action, ...data } = change.policy;
    return [
      putPolicy(operation.account, change.policy, stored),
      createEvent({
        type: 'gantry.policy.changed',
        account: operation.account,
        subject: `policy/${action}`,
        actor: operation.requested_by,
        at,
        data: { ...data, was: change.was, operation_id: operation.id },
      }),
    ];
  },

  follow: nothingFollows,
};

/**
 * The change that a request to change a policy means. Omitted fields stay. Throws
 * `quorum_unmeetable`.
 */
export async function policyChangeOf(
  services: Services,
  account: string,
  { action, ...set }: { action: Action } & ChangePolicyBody,
): Promise<PolicyChange> {
  const { decision, quorum, self_approval, expires_in_s } =
    (await getPolicy(services.db, account, action)) ?? defaultPolicy(action);

  const was = { action, decision, quorum, self_approval, expires_in_s };
  const policy = { ...was, ...set };

  refuseUnmeetable(was, policy, await countPeople(services, account));
  return { kind: 'policy_change', policy, was };
}

async function countPeople({ db }: Services, account: string): Promise<number> {
  return countReviewers(await reviewersOf(db, await getRoster(db, account)));
}

function refuseUnmeetable(was: InterventionPolicy, now: InterventionPolicy, people: number): void {
  if (!isUnmeetable(was, now, people)) return;

  throw new GantryError(
    'quorum_unmeetable',
    `expected at least ${now.quorum} reviewers for a quorum of ${now.quorum} of ${now.action}, found ${people}; ` +
      'add reviewers first, or set a lower quorum',
    { field: 'quorum', expected: people, found: now.quorum },
  );
}
