import type { Caller } from '../../../domain/accounts/index.ts';
import type { InterventionPolicy, Operation } from '../../../domain/operations/index.ts';
import type { Services } from '../../context/index.ts';
import { requestOperation } from '../request-operation.ts';

/** Asks for an intervention policy to be changed. The change itself needs what the old policy of the action asks. */
export function changePolicy(
  services: Services,
  caller: Caller,
  policy: InterventionPolicy,
): Promise<Operation> {
  const summary = `change the policy of ${policy.action} to ${policy.decision}`;
  return requestOperation(
    services,
    caller,
    'policy_change',
    { kind: 'change_policy', policy },
    summary,
  );
}
