import type { Action, InterventionPolicy, StoredPolicy } from '../../domain/operations/index.ts';
import { type Db, entity, type Write } from '../table/index.ts';

const policies = entity<StoredPolicy>()({
  name: 'policy',
  attributes: {
    account: 'text',
    action: 'text',
    decision: 'text',
    quorum: 'number',
    self_approval: 'flag',
    expires_in_s: 'number',
    reviewer_groups: 'json',
    min_soak_s: 'number',
    freeze_windows: 'json',
    required_attestations: 'json',
    revision: 'number',
  },
  key: { pk: '${account}#policies', sk: 'policy#${action}' },
});

export function getPolicy(db: Db, account: string, action: Action): Promise<StoredPolicy | null> {
  return policies.get(db, { account, action });
}

/** The policies of an account that have a row of their own. */
export function listPolicies(db: Db, account: string): Promise<StoredPolicy[]> {
  return policies.all(db, 'primary', { account });
}

/** Replaces the policy that was read; null where the action had no row of its own. */
export function putPolicy(
  account: string,
  policy: InterventionPolicy,
  was: StoredPolicy | null,
): Write {
  return policies.replace({ ...policy, account, revision: was?.revision ?? 0 });
}
