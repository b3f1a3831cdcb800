import { formatSeconds } from '../../base/time.ts';
import type { InterventionPolicy } from './intervention-policy.ts';

export type PolicyFields = Omit<InterventionPolicy, 'action'>;

interface FieldText<Value> {
  /** As people read it. */
  name: string;
  show(value: Value): string;
}

/** How people read each field of a policy. A field without a text is a type error here. */
const fieldTexts: { readonly [Field in keyof PolicyFields]: FieldText<PolicyFields[Field]> } = {
  decision: { name: 'decision', show: String },
  quorum: { name: 'quorum', show: String },
  self_approval: { name: 'self-approval', show: (allowed) => (allowed ? 'yes' : 'no') },
  expires_in_s: { name: 'expiry', show: formatSeconds },
};

const fieldNames = Object.keys(fieldTexts) as (keyof PolicyFields)[];

/** A field that a change of a policy changes, in words. */
export interface PolicyDifference {
  field: keyof PolicyFields;
  name: string;
  was: string;
  now: string;
}

/** The fields that differ between two policies, with the old and the new value of each. */
export function differencesOf(was: PolicyFields, now: PolicyFields): PolicyDifference[] {
  return fieldNames.flatMap((field) => {
    const values = { was: showField(field, was), now: showField(field, now) };
    return values.was === values.now ? [] : [{ field, name: fieldTexts[field].name, ...values }];
  });
}

function showField<Field extends keyof PolicyFields>(field: Field, policy: PolicyFields): string {
  return fieldTexts[field].show(policy[field]);
}

/** A change of a policy in one sentence: "policy of module_retire: quorum 5 → 1". */
export function policyChangeText(was: InterventionPolicy, now: InterventionPolicy): string {
  const changed = differencesOf(was, now).map((one) => `${one.name} ${one.was} → ${one.now}`);
  return `policy of ${now.action}: ${changed.join(', ') || 'no change'}`;
}
