import { GantryError } from '../../base/error.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { getMember, removeMember as removal } from '../../store/accounts/index.ts';
import { transact } from '../../store/db.ts';
import { createEvent } from '../../store/event.ts';
import { freeName } from '../../store/unique.ts';
import { nowIso, type Services } from '../context/index.ts';

/** Removes a person from the caller's account; their tokens and approval links end with it. */
export async function removeMember(services: Services, caller: Caller, id: string): Promise<void> {
  const { account, actor } = caller;
  const member = await getMember(services.db, account, id);
  if (member === null) throw new GantryError('not_found', `expected a member ${id}, found none`);
  await transact(services.db, [
    removal(account, id),
    freeName(account, 'email', member.email),
    createEvent({
      type: 'gantry.member.removed',
      account,
      subject: `member/${id}`,
      actor,
      at: nowIso(services),
      data: {},
    }),
  ]);
}
