import type { Caller } from '../../domain/accounts/index.ts';
import { removeMember as removal } from '../../store/accounts/index.ts';
import { transact } from '../../store/db.ts';
import { createEvent } from '../../store/event.ts';
import { freeName } from '../../store/unique.ts';
import { nowIso, type Services } from '../context/index.ts';
import { requireMember } from './require-account.ts';

/** Removes a person from the caller's account; their tokens and approval links end with it. */
export async function removeMember(services: Services, caller: Caller, id: string): Promise<void> {
  const { account, actor } = caller;
  const member = await requireMember(services, account, id);

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
