import { GantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import type { ApiToken, Caller, Member } from '../../domain/accounts/index.ts';
import { getMember, getToken } from '../../store/accounts/index.ts';
import type { Services } from '../context/index.ts';
import { requireAccount } from './require-account.ts';

/** Who calls, by which token. */
export interface DescribedCaller extends Pick<Caller, 'person'> {
  account: { slug: string; name: string };
  member: Member | null;
  roles: Caller['roles'][number][];
  token: ApiToken;
}

/**
 * Returns who the caller is.
 * @param secret the token of the request
 * @throws GantryError `unauthenticated` if the token was deleted since the request was admitted
 */
export async function describeCaller(
  services: Services,
  caller: Caller,
  secret: string,
): Promise<{ caller: DescribedCaller }> {
  const { member_id, person, roles } = caller;
  const [account, member, token] = await Promise.all([
    requireAccount(services, caller.account),
    member_id === null ? null : getMember(services.db, caller.account, member_id),
    getToken(services.db, sha256Hex(secret)),
  ]);

  if (token === null)
    throw new GantryError('unauthenticated', 'expected a valid API token, found one that is gone');
  return { caller: { account, member, person, roles: [...roles], token } };
}
