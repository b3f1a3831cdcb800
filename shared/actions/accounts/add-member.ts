import { GantryError } from '../../base/error.ts';
import { newId } from '../../base/ids.ts';
import type { AddMemberBody } from '../../contract/accounts/index.ts';
import type { Caller, Member } from '../../domain/accounts/index.ts';
import { createMember, memberEvent } from '../../store/accounts/index.ts';
import { transact } from '../../store/table/index.ts';
import { takeName } from '../../store/unique.ts';
import { nowIso, type Services } from '../context/index.ts';

/**
 * Adds a person to the caller's account.
 *
 * @throws GantryError `already_exists` when a member has that e-mail address
 */
export async function addMember(
  services: Services,
  caller: Caller,
  input: AddMemberBody,
): Promise<Member> {
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
      { account, kind: 'email', value: member.email, owner: member.id },
      () =>
        new GantryError('already_exists', `${member.email} is a member already`, {
          field: 'email',
        }),
    ),
    memberEvent(member, { actor, at }, 'added', { roles: member.roles }),
  ]);

  return member;
}
