/**
 * Roles of people and tokens. An admin may do everything, the others only the actions that name
 * their role.
 */
export const roles = ['viewer', 'author', 'operator', 'reviewer', 'admin'] as const;

export type Role = (typeof roles)[number];

/** The authenticated caller. */
export interface Caller {
  account: string;
  /** `member:<id>`, `token:<id>` or `instance:<id>`. */
  actor: string;
  roles: readonly Role[];
  /** The member behind the token, if there is one. */
  member_id: string | null;
  /** True if it may create accounts, which only the token of the deployment may. */
  platform: boolean;
}

/** Every role includes viewing; admin includes all. */
export function hasRole(caller: Pick<Caller, 'roles'>, ...wanted: Role[]): boolean {
  if (caller.roles.includes('admin')) return true;
  return (
    wanted.some((role) => role === 'viewer' || caller.roles.includes(role)) &&
    caller.roles.length > 0
  );
}

export interface Account {
  slug: string;
  name: string;
  /** KMS key that signs desired states and, at first, fills the root's roles. */
  director_key_id: string;
  /** SHA-256 of the current root metadata's bytes. */
  root_sha256: string;
  root_version: number;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  created_at: string;
}

export interface Member {
  account: string;
  id: string;
  email: string;
  name: string;
  roles: Role[];
  created_at: string;
}

export interface ApiToken {
  account: string;
  id: string;
  name: string;
  roles: Role[];
  member_id: string | null;
  platform: boolean;
  /** SHA-256 of the secret. */
  hash: string;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}
