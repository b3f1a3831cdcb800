import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { Instance } from '../../domain/machines/index.ts';
import { endCredential, instanceEvent, removeResign } from '../../store/machines/index.ts';
import { transact } from '../../store/table/index.ts';
import { freeName } from '../../store/unique.ts';
import { nowIso, type Services } from '../context/index.ts';
import { requireInstance } from './require-instance.ts';

/**
 * Ends an instance permanently: its credential and join token stop working immediately, its desired
 * state is not signed again, and its name is free. The row stays, so that no later call of the
 * machine creates it again. The agent wipes its key after its next call. A second call changes
 * nothing.
 */
export function decommissionInstance(
  services: Services,
  caller: Caller,
  id: string,
): Promise<Instance> {
  return retryConflicts(async () => {
    const instance = await requireInstance(services, caller.account, id);
    if (instance.state === 'decommissioned') return instance;

    const at = nowIso(services);
    await transact(services.db, [
      endCredential(instance, 'decommissioned', at),
      removeResign(instance.account, id),
      freeName({ account: instance.account, kind: 'instance', value: instance.name }),
      instanceEvent(instance, { actor: caller.actor, at }, 'decommissioned', {
        name: instance.name,
      }),
    ]);

    return requireInstance(services, caller.account, id);
  });
}
