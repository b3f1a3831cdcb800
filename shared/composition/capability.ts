import { capabilityPrefix, type Provided } from '../domain/modules/index.ts';
import { type ParsedConstraint, parseConstraint, type VersionChoice } from './version-choice.ts';

/** What a name in `requires` asks for if it is not a module's. */
export interface WantedCapability {
  capability: string;
  /** Names the demand in records. Demands of one account with one key mean the same module. */
  key: string;
  /** Whether a version with these offers may be the provider. */
  isMetBy(choice: VersionChoice, offers: readonly Provided[]): boolean;
}

/**
 * A bare name asks for any provider, whose version must then satisfy the constraint. A name
 * `capability:<tag>` asks for a provider that satisfies it: two modules may provide one capability
 * in different versions.
 */
export function wantedCapability(name: string, constraint: string | null): WantedCapability {
  const isExplicit = name.startsWith(capabilityPrefix);
  const capability = isExplicit ? name.slice(capabilityPrefix.length) : name;
  const parsed = parseConstraint(isExplicit ? constraint : null);

  return {
    capability,
    key: parsed.any ? name : `${name}@${constraint}`,
    isMetBy: (choice, offers) =>
      doesOffer(offers, capability) && allowsOffer(parsed, { choice, offers, capability }),
  };
}

export function doesOffer(offers: readonly Provided[], capability: string): boolean {
  return offers.some((one) => one.capability === capability);
}

/**
 * Whether the constraint of a capability allows a version of its provider. It applies to the
 * version that the module states for the capability; without one, to the version of the module.
 */
export function allowsOffer(
  constraint: ParsedConstraint,
  {
    choice,
    offers,
    capability,
  }: { choice: VersionChoice; offers: readonly Provided[]; capability: string },
): boolean {
  const stated = offers.flatMap((one) =>
    one.capability === capability && one.version !== null ? [one.version] : [],
  );
  const versions = stated.length === 0 ? [choice.version_string] : stated;
  return versions.some((version) => constraint.allows(version));
}
