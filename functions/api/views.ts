import type { z } from 'zod';
import type { memberSchema, tokenSchema } from '../../shared/contract/accounts/index.ts';
import type { instanceSchema } from '../../shared/contract/machines/index.ts';
import type {
  candidateSchema,
  moduleSchema,
  versionSchema,
} from '../../shared/contract/modules/index.ts';
import type { approvalSchema } from '../../shared/contract/operations/index.ts';
import {
  type ApiToken,
  type Member,
  memberState,
  personOf,
  rolesOfToken,
  tokenState,
} from '../../shared/domain/accounts/index.ts';
import type { Candidate } from '../../shared/domain/candidates/index.ts';
import type { Instance } from '../../shared/domain/machines/index.ts';
import { driftOf } from '../../shared/domain/machines/index.ts';
import type { Module } from '../../shared/domain/modules/index.ts';
import {
  lifecycleState,
  listEffects,
  type Version,
  warnOfVersion,
} from '../../shared/domain/modules/index.ts';
import { type Approval, votesOf } from '../../shared/domain/operations/index.ts';

/** Returns a module with its identities in the form of a registration. */
export function moduleView(module: Module): z.input<typeof moduleSchema> {
  const pairs = module.identities.map(({ identity_regexp, issuer_regexp, claims }) => ({
    cosign_identity_regexp: identity_regexp,
    cosign_issuer_regexp: issuer_regexp,
    ...(claims === undefined ? {} : { cosign_claims: claims }),
  }));
  return {
    ...module,
    digit_commits: module.digit_commits ?? false,
    cosign_identity_regexp: pairs[0]?.cosign_identity_regexp ?? null,
    cosign_issuer_regexp: pairs[0]?.cosign_issuer_regexp ?? null,
    cosign_identities: pairs,
  };
}

/**
 * @param nameOf names the actors who withhold versions
 * @param module the registration; null if the caller has no need of it
 */
export function versionView(
  version: Version,
  nameOf: (actor: string) => string,
  module: Pick<Module, 'category'> | null,
): z.input<typeof versionSchema> {
  const { withheld = {} } = version;
  return {
    ...version,
    withheld: Object.fromEntries(
      Object.entries(withheld).map(([kind, one]) => [kind, { ...one, by_name: nameOf(one.by) }]),
    ),
    composefs_digest: version.builds[0]?.composefs_digest ?? null,
    lifecycle_state: lifecycleState(version.promotion_state),
    effects: listEffects(version.manifest),
    warnings: warnOfVersion(version, module),
  };
}

export function candidateView(candidate: Candidate): z.input<typeof candidateSchema> {
  return candidate;
}

export function instanceView(instance: Instance, now: Date): z.input<typeof instanceSchema> {
  const { drift, standing } = driftOf(instance, now);
  return {
    ...instance,
    sealing_key: instance.sealing_key ?? null,
    running_module_digests: instance.report?.running_module_digests ?? {},
    drift,
    standing,
  };
}

export function memberView(member: Member, now: Date): z.input<typeof memberSchema> {
  return {
    ...member,
    state: memberState(member, now),
    invitation_expires_at: member.invitation?.expires_at ?? null,
    person: personOf(member),
  };
}

/** @param reviewers those of the account as they are now */
export function approvalView(
  approval: Approval,
  reviewers: readonly Member[],
): z.input<typeof approvalSchema> {
  return { ...approval, ...votesOf(approval, reviewers) };
}

/** @param members those of the account, by id; null for a token that was just made */
export function tokenView(
  token: ApiToken,
  now: Date,
  members: ReadonlyMap<string, Member> | null = null,
): z.input<typeof tokenSchema> {
  const { roles: granted_roles } = token;
  if (members === null) return { ...token, granted_roles, state: 'valid' };

  const roles = rolesOfToken(token, members);
  return { ...token, roles, granted_roles, state: tokenState(token, members, now) };
}
