import {
  type Action,
  type InterventionPolicy,
  noGates,
  type StoredPolicy,
} from '../../domain/operations/index.ts';
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
    required_builders: 'json',
    required_sources: 'json',
    revision: 'number',
  },
  key: { pk: '${account}#policies', sk: 'policy#${action}' },
});

export async function getPolicy(
  db: Db,
  account: string,
  action: Action,
): Promise<StoredPolicy | null> {
  const row = await policies.get(db, { account, action });
  return row && complete(row);
}

/** The policies of an account that have a row of their own. */
export async function listPolicies(db: Db, account: string): Promise<StoredPolicy[]> {
  return (await policies.all(db, 'primary', { account })).map(complete);
}

/** A row of an older release lacks the gates that did not exist yet. */
function complete(row: StoredPolicy): StoredPolicy {
  return { ...noGates, ...row };
}

/** Replaces the policy that was read; null where the action had no row of its own. */
export function putPolicy(
  account: string,
  policy: InterventionPolicy,
  was: StoredPolicy | null,
): Write {
  return policies.replace({ ...policy, account, revision: was?.revision ?? 0 });
}
