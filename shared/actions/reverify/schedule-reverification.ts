import type { ReverifyMessage } from '../../contract/messages.ts';
import type { PromotionState } from '../../domain/modules/index.ts';
import { eachAccount } from '../../store/accounts/index.ts';
import { listModules, versionIdsIn } from '../../store/modules/index.ts';
import { enqueue, type Services } from '../context/index.ts';

/** Modules that are sent to the queue at a time. */
const pageSize = 1000;

/** The states whose versions machines get. */
const handedOut: readonly PromotionState[] = ['staging', 'blessed', 'live'];

/**
 * Requests the re-verification of every version that machines get, in every account. Returns the
 * number of accounts.
 */
export async function scheduleReverification(services: Services): Promise<number> {
  let accounts = 0;
  for await (const { slug } of eachAccount(services.db)) {
    await enqueue(services, 'reverify', [{ account: slug }]);
    accounts += 1;
  }

  return accounts;
}

/**
 * Splits a message one level down: into all accounts, an account's modules, or a module's versions.
 */
export async function fanOut(
  services: Services,
  { account, module, built }: ReverifyMessage,
): Promise<void> {
  if (account === undefined) {
    await scheduleReverification(services);
  } else if (module === undefined) {
    for (let after = ''; ; ) {
      const page = await listModules(services.db, account, pageSize, after);
      await enqueue(
        services,
        'reverify',
        page.map(({ name }) => ({ account, module: name })),
      );

      const last = page.at(-1);
      if (last === undefined || page.length < pageSize) return;

      after = last.name;
    }
  } else {
    const states = built ? [...handedOut, 'built' as const] : handedOut;
    const ids = await versionIdsIn(services.db, account, module, states);

    await enqueue(
      services,
      'reverify',
      ids.map((version_id) => ({ account, module, version_id })),
    );
  }
}
