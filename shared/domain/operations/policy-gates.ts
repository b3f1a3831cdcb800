import { gantryPerson } from '../accounts/index.ts';
import type { PromotionState } from '../modules/index.ts';
import {
  type AttestationSummary,
  coversBuilds,
  isOfType,
  provenanceType,
  requirementText,
  type TextTest,
} from '../signatures/index.ts';
import type { Freeze } from './freeze-window.ts';
import type { InterventionPolicy } from './intervention-policy.ts';
import type { Operation } from './operation.ts';

/** What a policy asks of the attestations of a version. */
export type AttestationGates = Pick<
  InterventionPolicy,
  'required_attestations' | 'required_builders' | 'required_sources'
>;

/** A step of a promotion, with the policy that it meets. */
export interface PromotionStep {
  to: PromotionState;
  policy: Pick<InterventionPolicy, 'min_soak_s'> & AttestationGates;
}

/** Why a version has not soaked: the step that it is too early for. */
export interface UnfinishedSoak {
  /** The state that the version must have been in. */
  in_state: PromotionState;
  to: PromotionState;
  min_soak_s: number;
  /** When it will have been there long enough; null while it is not in that state. */
  ends_at: string | null;
}

/**
 * The first step of a promotion whose soak is not over; null if there is none. A state that the
 * promotion passes through was never soaked in.
 */
export function unfinishedSoak(
  version: { promotion_state: PromotionState; state_changed_at: string },
  steps: readonly PromotionStep[],
  now: Date,
): UnfinishedSoak | null {
  let in_state = version.promotion_state;

  for (const [index, { to, policy }] of steps.entries()) {
    const { min_soak_s } = policy;
    const ends = index === 0 ? Date.parse(version.state_changed_at) + min_soak_s * 1000 : null;
    if (min_soak_s > 0 && (ends === null || now.getTime() < ends)) {
      const ends_at = ends === null ? null : new Date(ends).toISOString();
      return { in_state, to, min_soak_s, ends_at };
    }
    in_state = to;
  }

  return null;
}

/** The verified attestations of a version, and the digests of its builds. */
interface CarriedAttestations {
  carried: readonly AttestationSummary[];
  builds: readonly string[];
}

/** The required predicate types that no verified attestations of a version have. */
export function missingAttestations(
  required: readonly string[],
  { carried, builds }: CarriedAttestations,
): string[] {
  return required.filter(
    (wanted) =>
      !coversBuilds(carried, builds, ({ predicate_type }) => isOfType(predicate_type, wanted)),
  );
}

/**
 * The provenance that a policy requires, in words, if no verified attestation of a version is it.
 * One attestation must match every regexp. A builder or source that is not known matches none.
 * @param compile makes the test of a regexp with RE2 meaning
 */
export function missingProvenance(
  { required_builders, required_sources }: AttestationGates,
  { carried, builds }: CarriedAttestations,
  compile: (regexp: string) => TextTest,
): string | null {
  if (required_builders.length + required_sources.length === 0) return null;

  const [builders, sources] = [required_builders.map(compile), required_sources.map(compile)];
  const matches = (tests: TextTest[], text: string | null | undefined) =>
    tests.every((regexp) => typeof text === 'string' && regexp.test(text));
  const met = coversBuilds(
    carried,
    builds,
    ({ predicate_type, builder_id, provenance }) =>
      isOfType(predicate_type, provenanceType) &&
      matches(builders, builder_id) &&
      matches(sources, provenance?.source_repository),
  );
  if (met) return null;

  const all = (regexps: string[]) => regexps.join('/ and /');
  return requirementText({
    predicate_type: provenanceType,
    ...(required_builders.length === 0 ? {} : { builder_regexp: all(required_builders) }),
    ...(required_sources.length === 0 ? {} : { source_regexp: all(required_sources) }),
  });
}

/**
 * What a freeze does to a request. `passes`: there is no freeze, or reviewers let the request
 * through afterwards. `waits`: it is applied when the freeze ends, because Gantry makes it by
 * itself and nobody would make it again. `refused`: people request it again.
 */
export type FreezeVerdict = 'passes' | 'waits' | 'refused';

/** Decides what a freeze does to a request before reviewers are asked. */
export function judgeFreeze(
  { approval_id, requested_by_person }: Pick<Operation, 'approval_id' | 'requested_by_person'>,
  { decision }: Pick<InterventionPolicy, 'decision'>,
  freeze: Freeze | null,
): FreezeVerdict {
  if (freeze === null || approval_id !== null) return 'passes';
  if (requested_by_person !== gantryPerson) return 'refused';
  return decision === 'require_approval' ? 'passes' : 'waits';
}

/**
 * When the sweep looks again at a request that waits for the end of a freeze: at the end, or
 * earlier, because the policy may change. Null if nothing holds the request any more.
 */
export function nextLook(
  { code }: Pick<Operation, 'code'>,
  freeze: Freeze | null,
  latest: string,
): string | null {
  if (code !== 'frozen' || freeze === null) return null;
  const { ends_at } = freeze;
  return ends_at !== null && Date.parse(ends_at) < Date.parse(latest) ? ends_at : latest;
}
