import type { Caller } from '../../domain/accounts/index.ts';
import { memberEvent, removeMember as removal } from '../../store/accounts/index.ts';
import { transact } from '../../store/table/index.ts';
import { freeName } from '../../store/unique.ts';
import { nowIso, type Services } from '../context/index.ts';
import { requireMember } from './require-account.ts';

/** Removes a person from the caller's account. Their tokens and approval links stop working. */
export async function removeMember(services: Services, caller: Caller, id: string): Promise<void> {
  const { account, actor } = caller;
  const member = await requireMember(services, account, id);

  await transact(services.db, [
    removal(account, id),
    freeName({ account, kind: 'email', value: member.email }),
    memberEvent(member, { actor, at: nowIso(services) }, 'removed', {}),
  ]);
}
