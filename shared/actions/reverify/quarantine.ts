import { isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { withQuarantine } from '../../domain/reverify/index.ts';
import { transact, type Write } from '../../store/db.ts';
import { putQuarantineBudget } from '../../store/reverify/index.ts';
import { later, nowIso, type Services } from '../context/index.ts';
import { budgetOf, requestOperation } from '../operations/index.ts';

/** The write that counts one more quarantine in an account, or null where a person is to be asked first. */
export async function countQuarantine(services: Services, account: string): Promise<Write | null> {
  const limit = { max: limits.quarantinesMax, windowSeconds: limits.quarantineWindowSeconds };
  const next = withQuarantine(await budgetOf(services, account), nowIso(services), limit);
  return next === null ? null : putQuarantineBudget(next);
}

/**
 * Asks the account's reviewers, by an operation, whether quarantining is to go on; at most once a day. Who asks first wins;
 * should it die before it has asked, the next day's re-verification asks.
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
  const caller: Caller = {
    account,
    actor: 'gantry:reverify',
    roles: [],
    member_id: null,
    platform: false,
  };
  const summary = `quarantine every version that does not verify any more, after ${budget.count} of them within a day`;
  await requestOperation(
    services,
    caller,
    'mass_quarantine',
    { kind: 'resume_quarantine' },
    summary,
  );
}
