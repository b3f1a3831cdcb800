import type { Caller } from '../domain/role.ts';
import { GantryError } from '../error.ts';
import { dueCandidatesOf } from '../store/candidate.ts';
import { getModule } from '../store/module.ts';
import { enqueue, type Services } from './services.ts';

/** Polls a module's repository now, and asks again for the signatures that it waits for. */
export async function requestPoll(services: Services, caller: Caller, module: string): Promise<void> {
  const { account } = caller;
  if ((await getModule(services.db, account, module)) === null) {
    throw new GantryError('not_found', `expected a module of account "${account}", found no "${module}"`);
  }
  await enqueue(services, 'poll', [{ account, module, recheck: true }]);
  const waiting = await dueCandidatesOf(services.db, account, module);
  await enqueue(
    services,
    'verify',
    waiting.map(({ id }) => ({ account, module, version_id: id })),
  );
}
