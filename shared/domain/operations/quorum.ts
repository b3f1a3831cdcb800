import type { Action, InterventionPolicy } from './intervention-policy.ts';

/** True if a policy asks for more approvals than there are people who may review. */
function asksTooMuch({ decision, quorum }: InterventionPolicy, people: number): boolean {
  return decision === 'require_approval' && quorum > people;
}

/**
 * True if a change of a policy asks for more approvals than there are people who may review, and
 * more than the policy asked before. A lower quorum than before is a way forward.
 */
export function isUnmeetable(
  was: InterventionPolicy,
  now: InterventionPolicy,
  people: number,
): boolean {
  const asksMore = was.decision !== 'require_approval' || now.quorum > was.quorum;
  return asksTooMuch(now, people) && asksMore;
}

/**
 * The actions whose policies ask for more people than there would be, and do not yet.
 * @param people how many people may review, before and after a change
 */
export function unmeetableBy(
  policies: readonly InterventionPolicy[],
  people: { before: number; after: number },
): Action[] {
  return policies
    .filter((policy) => asksTooMuch(policy, people.after) && !asksTooMuch(policy, people.before))
    .map(({ action }) => action);
}
