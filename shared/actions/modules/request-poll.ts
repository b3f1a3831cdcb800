import { limits } from '../../base/limits/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { openCandidates } from '../../store/candidates/index.ts';
import { enqueue, type Services } from '../context/index.ts';
import { requireModule } from './require-module.ts';

/** Polls a module's repository now, for a caller of its account. `not_found` when there is no such module. */
export async function requestPoll(
  services: Services,
  caller: Caller,
  module: string,
): Promise<void> {
  const { account } = caller;
  await requireModule(services, account, module);
  await askForPoll(services, account, module);
}

/**
 * Has a repository polled at once, and its candidates asked again for the signatures that they lack: also after the 24
 * hours in which that happens by itself, since somebody, or the registry, says that there is something new.
 */
export async function askForPoll(
  services: Services,
  account: string,
  module: string,
): Promise<void> {
  await enqueue(services, 'poll', [{ account, module, recheck: true }]);
  const open = await openCandidates(services.db, account, module, limits.requestedVerificationsMax);
  await enqueue(
    services,
    'verify',
    open.map(({ id }) => ({ account, module, version_id: id })),
  );
}
