/**
 * Roles of people and tokens. An admin may do everything except review, the others only the actions
 * that name their role.
 */
export const roles = ['viewer', 'author', 'operator', 'reviewer', 'admin'] as const;

export type Role = (typeof roles)[number];

/**
 * How a person proved who they are: by the mailed link of an invitation, by the link of an
 * invitation that an admin took, or by the mailed link of one request.
 */
export const signIns = ['invitation', 'show_link', 'approval_link'] as const;

export type SignIn = (typeof signIns)[number];

/** The authenticated caller. */
export interface Caller {
  account: string;
  /** `member:<id>`, `token:<id>` or `instance:<id>`. */
  actor: string;
  roles: readonly Role[];
  /** The member behind the token, if there is one. */
  member_id: string | null;
  /** Whom four eyes count: see `personOf`. */
  person: string;
  /** How the member behind the token signed in; null for a token of no member. */
  signed_in_by: SignIn | null;
  /** True if it may create accounts, which only the token of the deployment may. */
  platform: boolean;
}

/** Every role includes viewing; admin includes all but reviewing, which only reviewers grant. */
export function hasRole({ roles: held }: Pick<Caller, 'roles'>, ...wanted: Role[]): boolean {
  return wanted.some((role) => {
    if (role === 'viewer') return held.length > 0;
    return held.includes(role) || (role !== 'reviewer' && held.includes('admin'));
  });
}

export interface Account {
  slug: string;
  name: string;
  /** KMS key that signs desired states and, at first, fills the root's roles. */
  director_key_id: string;
  /** SHA-256 of the current root metadata's bytes. */
  root_sha256: string;
  root_version: number;
  /** Its modules that are polled: all but the archived ones. */
  polled_modules: number;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  created_at: string;
}

export interface ApiToken {
  account: string;
  id: string;
  name: string;
  roles: Role[];
  /** The member whose own token it is; null for a service token. */
  member_id: string | null;
  /** The person who made it. A service token counts as this person. */
  created_by_person: string;
  /** How the member signed in who made it; null for a service token. */
  signed_in_by: SignIn | null;
  platform: boolean;
  /** SHA-256 of the secret. */
  hash: string;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  /** Written at most once an hour. */
  last_used_at: string | null;
}
