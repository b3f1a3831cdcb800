import { z } from 'zod';
import { idSchema } from '../../base/ids.ts';
import { slugSchema } from '../../base/slug.ts';
import { personName, roleSchema, timeSchema } from '../http/index.ts';

export const accountSchema = z
  .object({
    slug: z.string(),
    name: z.string(),
    /** What agents pin: SHA-256 of the current root metadata. */
    root_sha256: z.string(),
    root_version: z.number().int(),
    created_at: timeSchema,
  })
  .meta({ id: 'Account' });

export const createAccountBody = z.strictObject({ slug: slugSchema, name: personName });

export const createAccountAnswer = z.object({
  account: accountSchema,
  /** The account's first admin token, shown once. */
  token: z.string(),
});

export const memberSchema = z
  .object({
    id: z.string(),
    email: z.string(),
    name: z.string(),
    roles: z.array(roleSchema),
    created_at: timeSchema,
  })
  .meta({ id: 'Member' });

const someRoles = z.array(roleSchema).min(1).max(5);

export const addMemberBody = z.strictObject({
  email: z
    .email()
    .max(254)
    .toLowerCase()
    .meta({ description: 'address for approval mail; unique in the account' }),
  name: personName,
  roles: someRoles,
});

export type AddMemberBody = z.infer<typeof addMemberBody>;

export const tokenSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    roles: z.array(roleSchema),
    member_id: z.string().nullable(),
    created_at: timeSchema,
    expires_at: timeSchema.nullable(),
    revoked_at: timeSchema.nullable(),
  })
  .meta({ id: 'Token' });

export const createTokenBody = z.strictObject({
  name: personName,
  roles: someRoles,
  /**
   * The member that the token belongs to. It never does more than this member may, and ends with
   * the membership.
   */
  member_id: idSchema('member').exactOptional(),
  expires_at: timeSchema.exactOptional(),
});

export type CreateTokenBody = z.infer<typeof createTokenBody>;

export const createTokenAnswer = z.object({
  token: tokenSchema,
  /** The value that callers send as `Authorization: Bearer …`. It is shown once. */
  secret: z.string(),
});
