import type { QuarantineBudget } from '../../domain/reverify/index.ts';
import { type Db, entity, type Write } from '../table/index.ts';

const budgets = entity<QuarantineBudget>()({
  name: 'quarantine',
  attributes: {
    account: 'text',
    count: 'number',
    window_started_at: 'text',
    asked_at: 'json',
    granted_until: 'json',
    revision: 'number',
  },
  key: { pk: '${account}#quarantine', sk: 'quarantine' },
});

export function getQuarantineBudget(db: Db, account: string): Promise<QuarantineBudget | null> {
  return budgets.get(db, { account });
}

/** Puts the next budget in place of the one that was read, whose revision it has. */
export function putQuarantineBudget(budget: QuarantineBudget): Write {
  return budgets.replace(budget);
}
