import type { z } from 'zod';
import type { instanceSchema } from '../../shared/contract/api/instance.ts';
import type { moduleSchema } from '../../shared/contract/api/module.ts';
import type { candidateSchema, versionSchema } from '../../shared/contract/api/version.ts';
import { driftOf } from '../../shared/domain/drift.ts';
import type { Module } from '../../shared/domain/module.ts';
import type { Instance } from '../../shared/domain/template.ts';
import { type Candidate, lifecycleState, type Version } from '../../shared/domain/version.ts';
import { GantryError } from '../../shared/error.ts';

/** What was looked for, or `not_found` with its kind and name. */
export function found<T>(value: T | null | undefined, kind: string, name: string): T {
  if (value === null || value === undefined) {
    throw new GantryError('not_found', `expected a ${kind} ${name} of this account, found none`);
  }
  return value;
}

/** A module with its identities named as people register them. */
export function moduleView(module: Module): z.input<typeof moduleSchema> {
  const pairs = module.identities.map(({ identity_regexp, issuer_regexp, claims }) => ({
    cosign_identity_regexp: identity_regexp,
    cosign_issuer_regexp: issuer_regexp,
    ...(claims === undefined ? {} : { cosign_claims: claims }),
  }));
  return {
    ...module,
    cosign_identity_regexp: pairs[0]?.cosign_identity_regexp ?? null,
    cosign_issuer_regexp: pairs[0]?.cosign_issuer_regexp ?? null,
    cosign_identities: pairs,
  };
}

export function versionView(version: Version): z.input<typeof versionSchema> {
  return {
    ...version,
    composefs_digest: version.builds[0]?.composefs_digest ?? null,
    lifecycle_state: lifecycleState(version.promotion_state),
  };
}

export function candidateView(candidate: Candidate): z.input<typeof candidateSchema> {
  return candidate;
}

export function instanceView(instance: Instance, now: Date): z.input<typeof instanceSchema> {
  return {
    ...instance,
    running_module_digests: instance.report?.running_module_digests ?? {},
    drift: driftOf(instance, now).drift,
  };
}
