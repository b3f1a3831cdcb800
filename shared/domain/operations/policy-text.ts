import { cutText } from '../../base/cut-text.ts';
import { limits } from '../../base/limits/index.ts';
import { formatSeconds } from '../../base/time.ts';
import { windowText } from './freeze-window.ts';
import { type InterventionPolicy, noGates } from './intervention-policy.ts';

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
  reviewer_groups: { name: 'reviewer groups', show: (groups) => listText(groups, 'any') },
  min_soak_s: { name: 'soak', show: formatSeconds },
  freeze_windows: { name: 'freeze', show: (windows) => listText(windows.map(windowText), 'none') },
  required_attestations: { name: 'attestations', show: (types) => listText(types, 'none') },
  required_builders: { name: 'builders', show: (regexps) => listText(regexps, 'any') },
  required_sources: { name: 'sources', show: (regexps) => listText(regexps, 'any') },
};

const fieldNames = Object.keys(fieldTexts) as (keyof PolicyFields)[];

/** Sorted: the order of a list means nothing. */
function listText(words: readonly string[], none: string): string {
  return [...words].sort().join(', ') || none;
}

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

/** Each field of a policy as people read it. */
export function fieldsOfPolicy(policy: PolicyFields): Record<keyof PolicyFields, string> {
  return {
    decision: showField('decision', policy),
    quorum: showField('quorum', policy),
    self_approval: showField('self_approval', policy),
    expires_in_s: showField('expires_in_s', policy),
    reviewer_groups: showField('reviewer_groups', policy),
    min_soak_s: showField('min_soak_s', policy),
    freeze_windows: showField('freeze_windows', policy),
    required_attestations: showField('required_attestations', policy),
    required_builders: showField('required_builders', policy),
    required_sources: showField('required_sources', policy),
  };
}

/** What a policy asks besides approvals of reviewers: "soak 1 day, freeze 22:00 to 06:00 UTC". */
export function gatesText(policy: PolicyFields): string {
  return differencesOf({ ...policy, ...noGates }, policy)
    .map(({ name, now }) => `${name} ${now}`)
    .join('; ');
}

/**
 * A change of a policy in one sentence: "policy of module_retire: quorum 5 → 1". Long values are
 * cut; the facts of its review have all of them.
 */
export function policyChangeText(was: InterventionPolicy, now: InterventionPolicy): string {
  const cut = (value: string) => cutText(value, limits.policyValueMax);
  const changed = differencesOf(was, now).map(
    (one) => `${one.name} ${cut(one.was)} → ${cut(one.now)}`,
  );

  return `policy of ${now.action}: ${changed.join(', ') || 'no change'}`;
}
