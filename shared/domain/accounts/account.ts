/** Roles of people and tokens. Admin may do everything; the others only what names them. */
export const roles = ['viewer', 'author', 'operator', 'reviewer', 'admin'] as const;

export type Role = (typeof roles)[number];

/** Who is calling, once authenticated. */
export interface Caller {
  account: string;
  /** `member:<id>`, `token:<id>` or `instance:<id>`. */
  actor: string;
  roles: readonly Role[];
  /** The member behind the token, where there is one. */
  member_id: string | null;
  /** May make accounts: only the token made at deployment. */
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
  /** Counts the changes of the row; a change states the one that was read. */
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
  /** Counts the changes of the row; a change states the one that was read. */
  revision: number;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
}
