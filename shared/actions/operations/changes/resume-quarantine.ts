import { limits } from '../../../base/limits/index.ts';
import { freshBudget, type QuarantineBudget } from '../../../domain/reverify/index.ts';
import type { Write } from '../../../store/db.ts';
import { getQuarantineBudget, putQuarantineBudget } from '../../../store/reverify/index.ts';
import { later, nowIso, type Services } from '../../context/index.ts';

export async function budgetOf(services: Services, account: string): Promise<QuarantineBudget> {
  return (
    (await getQuarantineBudget(services.db, account)) ?? freshBudget(account, nowIso(services))
  );
}

/** The writes that let quarantining go on for a day, without a limit, and begin anew afterwards. */
export async function resumeWrites(services: Services, account: string): Promise<Write[]> {
  const budget = await budgetOf(services, account);
  const granted_until = later(services, limits.quarantineWindowSeconds);
  return [
    putQuarantineBudget({
      ...budget,
      count: 0,
      window_started_at: granted_until,
      asked_at: null,
      granted_until,
    }),
  ];
}
