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
  tokenState,
} from '../../shared/domain/accounts/index.ts';
import type { Candidate } from '../../shared/domain/candidates/index.ts';
import type { Instance } from '../../shared/domain/machines/index.ts';
import { driftOf } from '../../shared/domain/machines/index.ts';
import type { Module } from '../../shared/domain/modules/index.ts';
import { lifecycleState, type Version } from '../../shared/domain/modules/index.ts';
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
  const { drift, standing } = driftOf(instance, now);
  return {
    ...instance,
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

/** @param members ids of the account's members; without them, the token's member is one */
export function tokenView(
  token: ApiToken,
  now: Date,
  members: ReadonlySet<string> = new Set(token.member_id === null ? [] : [token.member_id]),
): z.input<typeof tokenSchema> {
  return { ...token, state: tokenState(token, members, now) };
}
