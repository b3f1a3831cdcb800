import { limits } from '../../base/limits/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { type Repository, requestedPollAt } from '../../domain/poll/index.ts';
import { openCandidates } from '../../store/candidates/index.ts';
import { listVersions, moduleArchivedError } from '../../store/modules/index.ts';
import { getSharers, noteRequestedPoll } from '../../store/poll/index.ts';
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
 * Polls a module's repository now and verifies the candidates of all modules in it again, and
 * the newest versions of this one, because a person or the registry says that something is new. It
 * also verifies candidates after their 24 hours of automatic retries.
 */
export async function askForPoll(
  services: Services,
  account: string,
  module: string,
): Promise<void> {
  const sharers = await getSharers(services.db, account, module);
  const delaySeconds = await claimPoll(services, sharers);
  if (delaySeconds === null) return;
  await enqueue(services, 'poll', [{ account, module, recheck: true }], delaySeconds);

  // Attestations may have been pushed since these versions were verified.
  const versions = await listVersions(services.db, { account, module }, limits.lookedAtAgainMax);
  const looks = versions.map(({ id }) => ({ account, module, version_id: id, look: true }));
  await enqueue(services, 'reverify', looks, delaySeconds);

  let left: number = limits.requestedVerificationsMax;
  for (const name of [module, ...sharers.slice(1).map((row) => row.module)]) {
    if (left === 0) return;
    const open = await openCandidates(services.db, account, name, left);
    const messages = open.map(({ id }) => ({ account, module: name, version_id: id }));
    await enqueue(services, 'verify', messages, delaySeconds);
    left -= open.length;
  }
}

/**
 * Returns in how many seconds the poll may begin; null if an earlier request serves this one.
 * Requests for all modules of a repository meet at the row of one.
 */
async function claimPoll(
  services: Services,
  sharers: readonly Repository[],
): Promise<number | null> {
  const [repository] = sharers.toSorted((a, b) => (a.module < b.module ? -1 : 1));
  if (repository === undefined) return 0;

  const now = services.now();
  const at = requestedPollAt(repository.requested_at, now);
  if (at === null || !(await noteRequestedPoll(services.db, repository, at.toISOString())))
    return null;

  return Math.ceil((at.getTime() - now.getTime()) / 1000);
}
