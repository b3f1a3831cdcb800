import { limits } from '../../base/limits/index.ts';
import {
  freezeAt,
  type InterventionPolicy,
  judgeFreeze,
  nextLook,
  type Operation,
} from '../../domain/operations/index.ts';
import { lookLater, updateOperation } from '../../store/operations/index.ts';
import { transact } from '../../store/table/index.ts';
import { later, nowIso, type Services } from '../context/index.ts';
import { policyOfOperation } from './operation-policy.ts';

/**
 * Whether a request of Gantry's own waits for the end of a freeze: its execution ends, and the
 * sweep starts another one then.
 */
export async function waitsForFreeze(
  services: Services,
  operation: Operation,
  policy: InterventionPolicy,
): Promise<boolean> {
  const freeze = freezeAt(policy.freeze_windows, services.now());
  if (judgeFreeze(operation, policy, freeze) !== 'waits') return false;

  const end = freeze?.ends_at ?? 'an admin changes the policy';
  const message = `the policy of ${policy.action} freezes; this is applied after ${end}`;
  await transact(services.db, [
    updateOperation(operation, { code: 'frozen', message, updated_at: nowIso(services) }),
  ]);
  return true;
}

/** Lets the sweep look later at an operation that waits for a freeze. False if none holds it. */
export async function keepWaiting(services: Services, operation: Operation): Promise<boolean> {
  if (operation.code !== 'frozen') return false;

  const { freeze_windows } = await policyOfOperation(services, operation);
  const latest = later(services, limits.operationLookSeconds);
  const look_at = nextLook(operation, freezeAt(freeze_windows, services.now()), latest);
  if (look_at === null) return false;

  await transact(services.db, [lookLater(operation, look_at)]);
  return true;
}
