/**
 * How many versions of an account were quarantined recently, and whether a person was asked before
 * more are.
 */
export interface QuarantineBudget {
  account: string;
  /** Versions quarantined since `window_started_at`. */
  count: number;
  window_started_at: string;
  /**
   * When a person was asked. From then on, nothing is quarantined until it is granted. Null: not
   * asked.
   */
  asked_at: string | null;
  /** Until when a person allows every quarantine; null without such a grant. */
  granted_until: string | null;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
}

export function freshBudget(account: string, now: string): QuarantineBudget {
  return {
    account,
    count: 0,
    window_started_at: now,
    asked_at: null,
    granted_until: null,
    revision: 0,
  };
}

/**
 * Returns the budget after one more quarantine, or null if that must wait for a person. Wrong trust
 * material or a wrong registration makes many versions fail together; a compromised author makes a
 * few fail.
 * @param now ISO 8601
 */
export function withQuarantine(
  budget: QuarantineBudget,
  now: string,
  limit: { max: number; windowSeconds: number },
): QuarantineBudget | null {
  if (budget.granted_until !== null && budget.granted_until > now)
    return { ...budget, count: budget.count + 1 };
  if (budget.asked_at !== null) return null;

  const over = Date.parse(budget.window_started_at) + limit.windowSeconds * 1000 <= Date.parse(now);
  if (over) return { ...budget, count: 1, window_started_at: now };

  return budget.count < limit.max ? { ...budget, count: budget.count + 1 } : null;
}
