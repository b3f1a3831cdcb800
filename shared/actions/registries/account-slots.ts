import { randomBytes } from 'node:crypto';
import { limits } from '../../base/limits/index.ts';
import { stages } from '../../contract/stages.ts';
import { accountSlots } from '../../domain/registries/index.ts';
import { endSlot, takeSlot } from '../../store/registries/index.ts';
import type { Services } from '../context/index.ts';
import { BudgetSpent, type Purpose, purposes } from './host-budget.ts';

/**
 * Runs work at a registry within its account's share of the stage: registries that respond slowly
 * hold workers, and one account must not hold them all.
 * @throws BudgetSpent when the account has no room now
 */
export async function withinShare<T>(
  services: Services,
  { account, purpose }: { account: string; purpose: Purpose },
  work: () => Promise<T>,
): Promise<T> {
  const { accountSharePercent } = services.settings;
  if (accountSharePercent === 100) return work();

  const nowMs = services.now().getTime();
  const ask = {
    account,
    stage: purpose,
    id: `w${randomBytes(8).toString('hex')}`,
    nowMs,
    untilMs: nowMs + purposes[purpose].lease_s * 1000,
    most: accountSlots(stages[purpose].queue.concurrency, accountSharePercent),
  };
  if (!(await takeSlot(services.db, ask)))
    throw new BudgetSpent(`the account ${account}`, limits.budgetWaitSeconds);

  try {
    return await work();
  } finally {
    await endSlot(services.db, ask);
  }
}
