import type { ApiToken, Caller, Role } from './account.ts';

/** A link that lets one person join, or lets a member get a token after losing theirs. */
export interface Invitation {
  /** SHA-256 of the secret in the link. */
  hash: string;
  /** The person who sent it. */
  by_person: string;
  /** True if the admin got the link, so that the admin may be the one who follows it. */
  shown: boolean;
  expires_at: string;
}

export interface Member {
  account: string;
  id: string;
  email: string;
  name: string;
  roles: Role[];
  /** Names of groups of reviewers, which policies may ask for. */
  groups: string[];
  /** The open invitation; null once it was followed. */
  invitation: Invitation | null;
  /** When they followed their first invitation; null before. */
  joined_at: string | null;
  /** Since when they may review: they decide only on what was requested later. */
  reviewer_since: string | null;
  /**
   * Another person whom this member counts as for four eyes: the admin who took the link of the
   * invitation. Null for a member who counts as themselves.
   */
  counts_as: string | null;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  created_at: string;
}

/** Whom the first token of a deployment counts as for four eyes. */
export const deploymentPerson = 'deployment';

/** Whom a request counts as that a stage of Gantry makes: every reviewer may decide on it. */
export const gantryPerson = 'gantry';

/** The caller of a request that a stage makes by itself, such as `compose`. */
export function stageCaller(account: string, stage: string): Caller {
  return {
    account,
    actor: `gantry:${stage}`,
    roles: [],
    member_id: null,
    person: gantryPerson,
    signed_in_by: null,
    platform: false,
  };
}

/** Whom a member counts as for four eyes. */
export function personOf({ id, counts_as }: Pick<Member, 'id' | 'counts_as'>): string {
  return counts_as ?? `member:${id}`;
}

/** The members who are in each of the groups; all of them if there is no group. */
export function membersIn(members: readonly Member[], groups: readonly string[]): Member[] {
  return members.filter((member) => groups.every((group) => member.groups.includes(group)));
}

/** How many people the reviewers are, without those who did not join yet. */
export function countReviewers(reviewers: readonly Member[]): number {
  const present = reviewers.filter(({ joined_at }) => joined_at !== null);
  return new Set(present.map(personOf)).size;
}

/** True if a member may decide on a request of that time: a reviewer who was one before. */
export function mayReview(member: Member, requested_at: string): boolean {
  const { roles, joined_at, reviewer_since } = member;
  return (
    roles.includes('reviewer') &&
    joined_at !== null &&
    reviewer_since !== null &&
    reviewer_since < requested_at
  );
}

export const memberStates = ['invited', 'invitation_expired', 'active'] as const;

export type MemberState = (typeof memberStates)[number];

/** How far a member has come. */
export function memberState({ joined_at, invitation }: Member, now: Date): MemberState {
  if (joined_at !== null) return 'active';
  const open = invitation !== null && Date.parse(invitation.expires_at) > now.getTime();
  return open ? 'invited' : 'invitation_expired';
}

export const tokenStates = ['valid', 'expired', 'revoked', 'member_left'] as const;

export type TokenState = (typeof tokenStates)[number];

/** Whether a token still counts, and why not. `members` has the ids of the account's members. */
export function tokenState(
  token: Pick<ApiToken, 'revoked_at' | 'expires_at' | 'member_id'>,
  members: Pick<ReadonlySet<string>, 'has'>,
  now: Date,
): TokenState {
  if (token.revoked_at !== null) return 'revoked';
  if (token.member_id !== null && !members.has(token.member_id)) return 'member_left';
  const ended = token.expires_at !== null && Date.parse(token.expires_at) <= now.getTime();
  return ended ? 'expired' : 'valid';
}

/** The roles that a token grants now: none of those that its member lacks. */
export function rolesOfToken(
  { member_id, roles }: Pick<ApiToken, 'member_id' | 'roles'>,
  members: ReadonlyMap<string, Pick<Member, 'roles'>>,
): Role[] {
  return member_id === null ? roles : rolesInForce(roles, members.get(member_id)?.roles ?? []);
}

/** The roles of a token that its member has now. */
export function rolesInForce(granted: readonly Role[], held: readonly Role[]): Role[] {
  const all = granted.includes('admin') ? held.filter((role) => role !== 'reviewer') : [];
  const kept = granted.filter(
    (role) => held.includes(role) || (role !== 'reviewer' && held.includes('admin')),
  );
  return [...new Set([...all, ...kept])];
}
