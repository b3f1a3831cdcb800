import { mapConcurrently } from '../../base/concurrency.ts';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import type { Member } from '../../domain/accounts/index.ts';
import { type Db, type Draft, entity, type Write } from '../table/index.ts';

const members = entity<Member>()({
  name: 'member',
  attributes: {
    account: 'text',
    id: 'text',
    email: 'text',
    name: 'text',
    roles: 'json',
    groups: 'json',
    invitation: 'json',
    joined_at: 'json',
    reviewer_since: 'json',
    counts_as: 'json',
    revision: 'number',
    created_at: 'text',
  },
  key: { pk: '${account}#member#${id}', sk: 'member' },
  lists: { byId: { index: 'gsi1', pk: '${account}#members', sk: '${id}' } },
});

export function getMember(db: Db, account: string, id: string): Promise<Member | null> {
  return members.get(db, { account, id });
}

/** Every member of an account. */
export function listMembers(db: Db, account: string): Promise<Member[]> {
  return members.all(db, 'byId', { account });
}

export function createMember(member: Draft<Member>): Write {
  return members.create(
    member,
    () => new GantryError('already_exists', `member ${member.id} exists`),
  );
}

export function updateMember(was: Member, set: Partial<Draft<Member>>): Write {
  return members.update(was, set);
}

export function removeMember(was: Member): Write {
  return members.remove(was);
}

/**
 * The members with the role reviewer, invited ones included. Reads of it are consistent, unlike
 * those of the list of members: of two changes of who may decide, one fails.
 */
export interface Roster {
  account: string;
  /** Ids of members. */
  reviewers: string[];
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
}

const rosters = entity<Roster>()({
  name: 'roster',
  attributes: { account: 'text', reviewers: 'json', revision: 'number' },
  key: { pk: '${account}#roster', sk: 'roster' },
});

export async function getRoster(db: Db, account: string): Promise<Roster> {
  return (await rosters.get(db, { account })) ?? { account, reviewers: [], revision: 0 };
}

/** Adds a member to the roster that was read, or takes them off; no write if nothing changes. */
export function changeRoster(was: Roster, id: string, reviews: boolean): Write[] {
  if (was.reviewers.includes(id) === reviews) return [];
  const others = was.reviewers.filter((one) => one !== id);
  return [rosters.replace({ ...was, reviewers: reviews ? [...others, id] : others })];
}

/** The reviewers of a roster as they are now. */
export async function reviewersOf(
  db: Db,
  { account, reviewers }: Pick<Roster, 'account' | 'reviewers'>,
): Promise<Member[]> {
  const rows = await mapConcurrently(reviewers, limits.storeReadsAtOnce, (id) =>
    getMember(db, account, id),
  );
  return rows.filter((row) => row !== null);
}
