import { z } from 'zod';
import { idSchema } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { slugSchema } from '../../base/slug.ts';
import {
  accountStates,
  memberFilters,
  signIns,
  tokenFilters,
  tokenStates,
} from '../../domain/accounts/index.ts';
import { listQuery, personName, roleSchema, timeSchema } from '../http/index.ts';
import { operationSchema } from '../operations/index.ts';

export const accountSchema = z
  .object({
    slug: z.string(),
    name: z.string(),
    state: z.enum(accountStates).meta({
      description: 'creating: Gantry tries again by itself; failed: request it again',
    }),
    code: z.string().nullable().meta({ description: 'why the last attempt failed' }),
    message: z.string().nullable(),
    root_sha256: z
      .string()
      .nullable()
      .meta({ description: 'SHA-256 of the account root, which agents pin; null until active' }),
    root_version: z.number().int().nullable(),
    created_at: timeSchema,
  })
  .meta({ id: 'Account' });

export const membersQuery = listQuery(memberFilters);
export const tokensQuery = listQuery(tokenFilters);

export const accountParams = z.object({ slug: slugSchema });

export const createAccountBody = z.strictObject({
  slug: slugSchema,
  name: personName,
  recovery_key: z.string().max(1000).exactOptional().meta({
    description:
      'offline public key, PEM (SPKI), ECDSA P-256 or Ed25519; it can replace a lost director key',
  }),
});

export const createAccountAnswer = z.object({
  account: accountSchema,
  token: z.string().meta({
    description: 'the first admin token, shown once; it is valid once the account is active',
  }),
});

export const memberSchema = z
  .object({
    id: z.string(),
    email: z.string(),
    name: z.string(),
    roles: z.array(roleSchema),
    groups: z.array(z.string()),
    state: z.enum(['invited', 'invitation_expired', 'active']),
    /** When the open invitation ends; null if there is none. */
    invitation_expires_at: timeSchema.nullable(),
    joined_at: timeSchema.nullable(),
    /** The member decides only on what was requested after this time. */
    reviewer_since: timeSchema.nullable(),
    /** The person whom the member counts as for four eyes: the member, or who took their link. */
    person: z.string(),
    created_at: timeSchema,
  })
  .meta({ id: 'Member' });

const someRoles = z.array(roleSchema).min(1).max(5);

const someGroups = z
  .array(slugSchema)
  .max(limits.memberGroupsMax)
  .meta({ description: 'groups of reviewers that policies may ask for, all of them' });

/** Returns the link instead of mailing it; the member then counts as the caller for four eyes. */
const showLink = z.boolean().exactOptional();

export const addMemberBody = z.strictObject({
  email: z
    .email()
    .max(254)
    .toLowerCase()
    .meta({ description: 'address for approval mail; unique in the account' }),
  name: personName,
  roles: someRoles,
  groups: someGroups.exactOptional(),
  show_link: showLink,
});

export type AddMemberBody = z.infer<typeof addMemberBody>;

/** How an invitation went out, and the request for the role reviewer, if there is one. */
export const invitedAnswer = z.object({
  member: memberSchema,
  /** Whether the mail was sent; false if the link is in the answer, or if sending failed. */
  mailed: z.boolean(),
  /** The link, if it was asked for. It is shown once. */
  link: z.string().nullable(),
  /** The request to grant the role reviewer. */
  operation: operationSchema.nullable(),
});

export const inviteBody = z.strictObject({ show_link: showLink });

/**
 * The new roles and groups of a member; of those that are given, all. `recover` is for the
 * deployment's owner, when too few reviewers are left to decide.
 */
export const updateMemberBody = z
  .strictObject({
    roles: someRoles.exactOptional(),
    groups: someGroups.exactOptional(),
    recover: z.boolean().exactOptional(),
  })
  .refine(({ roles, groups }) => roles !== undefined || groups !== undefined, {
    error: 'expected one of roles and groups',
  });

export type UpdateMemberBody = z.infer<typeof updateMemberBody>;

export const updateMemberAnswer = z.object({
  member: memberSchema,
  /** The request to grant the role reviewer; null if the change is done. */
  operation: operationSchema.nullable(),
});

export const removeMemberQuery = z.object({
  recover: z.stringbool().exactOptional().meta({
    description: 'for the deployment’s owner: remove although a policy then lacks reviewers',
  }),
});

export const acceptInvitationBody = z.strictObject({
  account: slugSchema,
  member_id: idSchema('member'),
  secret: z.string().max(100),
});

export const tokenSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    roles: z.array(roleSchema).meta({ description: 'the roles that it grants now' }),
    granted_roles: z.array(roleSchema).meta({
      description: 'the roles that it was made with; its member may lack some of them now',
    }),
    /** The member whose own token it is; null for a service token. */
    member_id: z.string().nullable(),
    created_by_person: z.string(),
    signed_in_by: z.enum(signIns).nullable(),
    state: z.enum(tokenStates),
    created_at: timeSchema,
    expires_at: timeSchema.nullable(),
    revoked_at: timeSchema.nullable(),
    /** To the hour. */
    last_used_at: timeSchema.nullable(),
  })
  .meta({ id: 'Token' });

/** Who calls: what the token of the request stands for now. */
export const callerAnswer = z.object({
  caller: z.object({
    account: accountSchema.pick({ slug: true, name: true }),
    /** Null for a service token. */
    member: memberSchema.pick({ id: true, email: true, name: true }).nullable(),
    /** The person whom the token counts as for four eyes. */
    person: z.string(),
    /** The roles in force now: of the token, as far as its member has them. */
    roles: z.array(roleSchema),
    token: tokenSchema.pick({ id: true, name: true, created_at: true, expires_at: true }),
  }),
});

/** A service token, for programs. It cannot review: only people decide. */
export const createTokenBody = z.strictObject({
  name: personName,
  roles: z
    .array(roleSchema.exclude(['reviewer'], 'expected a role other than reviewer: people review'))
    .min(1)
    .max(4),
  expires_at: timeSchema.exactOptional(),
});

export type CreateTokenBody = z.infer<typeof createTokenBody>;

/** A member's own token: roles that the calling token has; without any, all of them. */
export const createOwnTokenBody = z.strictObject({
  name: personName,
  roles: someRoles.exactOptional(),
  expires_at: timeSchema.exactOptional(),
});

export type CreateOwnTokenBody = z.infer<typeof createOwnTokenBody>;

export const createTokenAnswer = z.object({
  token: tokenSchema,
  /** The value that callers send as `Authorization: Bearer …`. It is shown once. */
  secret: z.string(),
});

/** The first token of a member, shown once. */
export const acceptInvitationAnswer = z.object({
  account: accountSchema,
  member: memberSchema,
  ...createTokenAnswer.shape,
});
