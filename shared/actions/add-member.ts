import type { AddMemberBody } from '../contract/api/account.ts';
import { newId } from '../contract/ids.ts';
import type { Caller, Member } from '../domain/role.ts';
import { GantryError } from '../error.ts';
import { createMember } from '../store/account.ts';
import { transact } from '../store/db.ts';
import { createEvent } from '../store/event.ts';
import { takeName } from '../store/unique.ts';
import { nowIso, type Services } from './services.ts';

/** Adds a person to the caller's account. `already_exists` when the e-mail address is a member's. */
export async function addMember(services: Services, caller: Caller, input: AddMemberBody): Promise<Member> {
  const at = nowIso(services);
  const { account, actor } = caller;
  const member: Member = {
    account,
    id: newId('member'),
    email: input.email,
    name: input.name,
    roles: [...new Set(input.roles)],
    created_at: at,
  };
  await transact(services.db, [
    createMember(member),
    takeName(
      account,
      'email',
      member.email,
      member.id,
      () => new GantryError('already_exists', `${member.email} is a member already`, { field: 'email' }),
    ),
    createEvent({
      type: 'gantry.member.added',
      account,
      subject: `member/${member.id}`,
      actor,
      at,
      data: { roles: member.roles },
    }),
  ]);
  return member;
}
