import { GantryError } from '../../../base/error.ts';
import { changePolicyBody } from '../../../contract/operations/index.ts';
import { policyOfChange, type StoredPolicy } from '../../../domain/operations/index.ts';
import { createEvent } from '../../../store/event.ts';
import { getPolicy, putPolicy } from '../../../store/operations/index.ts';
import {
  type ChangeKind,
  noTemplate,
  nothingFollows,
  sameInstance,
  sameView,
} from './change-kind.ts';

export const policyChange: ChangeKind<'policy_change', StoredPolicy | null> = {
  action: () => 'policy_change',

  /** A change of a policy must also satisfy the policy that it replaces. */
  async policy({ policy }, inForce) {
    const own = await inForce('policy_change');
    return { ...policyOfChange(own, await inForce(policy.action)), action: own.action };
  },

  read: (services, account, { policy }) => getPolicy(services.db, account, policy.action),

  /** A policy with a quorum of 0 would let everything through that it should hold. */
  check({ policy: { action, ...body } }) {
    const issue = changePolicyBody.safeParse(body).error?.issues[0];
    if (issue === undefined) return;

    const field = issue.path.join('.');
    throw new GantryError(
      'invalid_request',
      `expected a valid policy of ${action}, found ${field}: ${issue.message}`,
      { field },
    );
  },

  summary: ({ policy }) => `change the policy of ${policy.action} to ${policy.decision}`,
  tried: noTemplate,
  affected: noTemplate,
  view: sameView,
  instance: sameInstance,

  writes({ operation, change, rows: was, at }) {
    const { action, ...data } = change.policy;
    return [
      putPolicy(operation.account, change.policy, was),
      createEvent({
        type: 'gantry.policy.changed',
        account: operation.account,
        subject: `policy/${action}`,
        actor: operation.requested_by,
        at,
        data: { ...data, operation_id: operation.id },
      }),
    ];
  },

  follow: nothingFollows,
};
