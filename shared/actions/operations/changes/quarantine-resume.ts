import { limits } from '../../../base/limits/index.ts';
import { freshBudget, type QuarantineBudget } from '../../../domain/reverify/index.ts';
import { getQuarantineBudget, putQuarantineBudget } from '../../../store/reverify/index.ts';
import { enqueue, nowIso, type Services } from '../../context/index.ts';
import { type ChangeKind, noTemplate, sameInstance, sameView } from './change-kind.ts';

export const quarantineResume: ChangeKind<'quarantine_resume', QuarantineBudget> = {
  action: () => 'mass_quarantine',
  policy: (_, inForce) => inForce('mass_quarantine'),
  read: (services, account) => budgetOf(services, account),
  check: () => {},

  summary: (_, { count }) =>
    `quarantine every version that no longer verifies, after ${count} of them within a day`,

  tried: noTemplate,
  affected: noTemplate,
  view: sameView,
  instance: sameInstance,

  /** Quarantining has no limit for a day. Then the count starts at 0. */
  writes({ rows: budget, at }) {
    const end = Date.parse(at) + limits.quarantineWindowSeconds * 1000;
    const granted_until = new Date(end).toISOString();
    const window_started_at = granted_until;

    return [
      putQuarantineBudget({
        ...budget,
        count: 0,
        asked_at: null,
        window_started_at,
        granted_until,
      }),
    ];
  },

  review: () => ({ facts: [], warnings: [] }),

  async follow(services, account) {
    await enqueue(services, 'reverify', [{ account }]);
  },
};

/** The account's budget of quarantines as it is now. */
export async function budgetOf(services: Services, account: string): Promise<QuarantineBudget> {
  return (
    (await getQuarantineBudget(services.db, account)) ?? freshBudget(account, nowIso(services))
  );
}
