import { limits } from '../../base/limits/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { requestedPollAt } from '../../domain/poll/index.ts';
import { openCandidates } from '../../store/candidates/index.ts';
import { moduleArchivedError } from '../../store/modules/index.ts';
import { getRepository, noteRequestedPoll } from '../../store/poll/index.ts';
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
  const delaySeconds = await claimPoll(services, account, module);
  if (delaySeconds === null) return;
  await enqueue(services, 'poll', [{ account, module, recheck: true }], delaySeconds);

  const open = await openCandidates(services.db, account, module, limits.requestedVerificationsMax);
  const messages = open.map(({ id }) => ({ account, module, version_id: id }));
  await enqueue(services, 'verify', messages, delaySeconds);
}

/** Returns in how many seconds the poll may begin; null if an earlier request serves this one. */
async function claimPoll(
  services: Services,
  account: string,
  module: string,
): Promise<number | null> {
  const repository = await getRepository(services.db, account, module);
  if (repository === null) return 0;

  const now = services.now();
  const at = requestedPollAt(repository.requested_at, now);
  if (at === null || !(await noteRequestedPoll(services.db, repository, at.toISOString())))
    return null;

  return Math.ceil((at.getTime() - now.getTime()) / 1000);
}
