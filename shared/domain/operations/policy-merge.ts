import type { InterventionPolicy } from './intervention-policy.ts';
import { differencesOf, type PolicyFields } from './policy-text.ts';

/** A change of a policy: what it was when that was requested, and what it should be. */
interface PolicyChange {
  was: InterventionPolicy;
  policy: InterventionPolicy;
}

/** The fields that a change concerns and that another change has altered since. */
export function racedFields(
  { was, policy }: PolicyChange,
  current: PolicyFields,
): (keyof PolicyFields)[] {
  const own = new Set(differencesOf(was, policy).map(({ field }) => field));
  return differencesOf(was, current)
    .map(({ field }) => field)
    .filter((field) => own.has(field));
}

/** The current policy with the fields that a change alters; the others keep their value. */
export function withPolicyChange(
  { was, policy }: PolicyChange,
  current: InterventionPolicy,
): InterventionPolicy {
  const altered = differencesOf(was, policy).map(({ field }) => [field, policy[field]]);
  return { ...current, ...Object.fromEntries(altered) };
}
