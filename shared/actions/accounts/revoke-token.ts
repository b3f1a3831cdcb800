import { notFoundError } from '../../base/not-found.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { findToken, revokeToken as revocation, tokenEvent } from '../../store/accounts/index.ts';
import { transact } from '../../store/table/index.ts';
import { nowIso, type Services } from '../context/index.ts';

/**
 * Revokes a token of the caller's account immediately.
 *
 * @throws GantryError `not_found`, or `conflict` when it is revoked already
 */
export async function revokeToken(services: Services, caller: Caller, id: string): Promise<void> {
  const { account, actor } = caller;
  const token = await findToken(services.db, account, id);
  if (token === null) throw notFoundError('token', { account, name: id });

  const at = nowIso(services);
  await transact(services.db, [
    revocation(token.hash, at),
    tokenEvent(token, { actor, at }, 'revoked', {}),
  ]);
}
