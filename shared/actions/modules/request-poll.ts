import { limits } from '../../base/limits/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { openCandidates } from '../../store/candidates/index.ts';
import { moduleArchivedError } from '../../store/modules/index.ts';
import { enqueue, type Services } from '../context/index.ts';
import { requireModule } from './require-module.ts';

/**
 * Polls a module's repository now, for a caller of its account.
 * @throws GantryError `not_found` or `module_archived`
 */
export async function requestPoll(
  services: Services,
  { account }: Caller,
  module: string,
): Promise<void> {
  const { archived } = await requireModule(services, account, module);
  if (archived) throw moduleArchivedError(module);
  await askForPoll(services, account, module);
}

/**
 * Polls a repository now and verifies its candidates again, because a person or the registry says
 * that something is new. It also verifies candidates after their 24 hours of automatic retries.
 */
export async function askForPoll(
  services: Services,
  account: string,
  module: string,
): Promise<void> {
  await enqueue(services, 'poll', [{ account, module, recheck: true }]);

  const open = await openCandidates(services.db, account, module, limits.requestedVerificationsMax);
  const messages = open.map(({ id }) => ({ account, module, version_id: id }));
  await enqueue(services, 'verify', messages);
}
