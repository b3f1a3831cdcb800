import { isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { stageCaller } from '../../domain/accounts/index.ts';
import { type QuarantineBudget, withQuarantine } from '../../domain/reverify/index.ts';
import { putQuarantineBudget } from '../../store/reverify/index.ts';
import { transact } from '../../store/table/index.ts';
import { later, nowIso, type Services } from '../context/index.ts';
import { budgetOf, requestChanges } from '../operations/index.ts';

/** Returns an account's budget after one more quarantine, or null if a person is asked first. */
export async function countQuarantine(
  services: Services,
  account: string,
): Promise<QuarantineBudget | null> {
  const limit = { max: limits.quarantinesMax, windowSeconds: limits.quarantineWindowSeconds };
  return withQuarantine(await budgetOf(services, account), nowIso(services), limit);
}

/**
 * Asks the account's reviewers, by an operation, whether quarantining continues; at most once a
 * day. Only one of several workers asks. If it dies before it asks, the next day's re-verification
 * asks.
 */
export async function askToResume(services: Services, account: string): Promise<void> {
  const budget = await budgetOf(services, account);
  const dayAgo = later(services, -limits.quarantineWindowSeconds);
  if (budget.asked_at !== null && budget.asked_at > dayAgo) return;

  try {
    await transact(services.db, [putQuarantineBudget({ ...budget, asked_at: nowIso(services) })]);
  } catch (error) {
    if (isGantryError(error, 'conflict')) return;
    throw error;
  }

  const caller = stageCaller(account, 'reverify');
  await requestChanges(services, caller, [{ kind: 'quarantine_resume' }]);
}
