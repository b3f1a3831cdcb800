import { GantryError } from '../../base/error.ts';
import type { Member } from '../../domain/accounts/index.ts';
import { type Db, entity, type Write } from '../table/index.ts';

const members = entity<Member>()({
  name: 'member',
  attributes: {
    account: 'text',
    id: 'text',
    email: 'text',
    name: 'text',
    roles: 'json',
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

export function createMember(member: Member): Write {
  return members.create(
    member,
    () => new GantryError('already_exists', `member ${member.id} exists`),
  );
}

export function removeMember(account: string, id: string): Write {
  return members.removeWhere({ account, id });
}
