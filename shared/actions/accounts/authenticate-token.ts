import { GantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import {
  type ApiToken,
  type Caller,
  type Member,
  personOf,
  rolesInForce,
} from '../../domain/accounts/index.ts';
import { getMember, getToken, touchToken } from '../../store/accounts/index.ts';
import { transact } from '../../store/table/index.ts';
import { later, nowIso, type Services } from '../context/index.ts';

/**
 * Returns the caller behind an API token. The token of a member grants the roles that the member
 * has now. It grants nothing after the member is removed.
 *
 * @throws GantryError `unauthenticated`; its text is the same for an unknown token and for one of
 * another account
 */
export async function authenticateToken(services: Services, secret: string): Promise<Caller> {
  const token = await getToken(services.db, sha256Hex(secret));
  if (token === null)
    throw new GantryError(
      'unauthenticated',
      'expected a valid API token, found one that is unknown',
    );

  const refusal = tokenRefusal(token, services.now());
  if (refusal !== null) throw new GantryError('unauthenticated', refusal);

  const member =
    token.member_id === null ? null : await getMember(services.db, token.account, token.member_id);
  const caller = callerOf(token, member);
  await noteUse(services, token);
  return caller;
}

/** Notes the use of a token, to the hour. It is for people to see, so a failure stops no call. */
async function noteUse(services: Services, token: ApiToken): Promise<void> {
  const { last_used_at } = token;
  if (last_used_at !== null && last_used_at > later(services, -limits.tokenUseSeconds)) return;

  try {
    await transact(services.db, [touchToken(token, nowIso(services))]);
  } catch {
    // Another call of the token noted it, or the table is busy; the next call tries again.
  }
}

/** Why a token no longer counts, or null. */
export function tokenRefusal(
  token: Pick<ApiToken, 'revoked_at' | 'expires_at'>,
  now: Date,
): string | null {
  if (token.revoked_at !== null)
    return `expected a valid API token, found one that was revoked at ${token.revoked_at}`;
  if (token.expires_at !== null && Date.parse(token.expires_at) <= now.getTime()) {
    return `expected a valid API token, found one that expired at ${token.expires_at}`;
  }

  return null;
}

/**
 * The caller behind a token. `member` is the token's member as they are now, null for a token of no
 * member.
 */
export function callerOf(token: ApiToken, member: Member | null): Caller {
  const { account, member_id, platform, signed_in_by } = token;
  if (member_id === null) {
    return {
      account,
      actor: `token:${token.id}`,
      roles: token.roles,
      member_id,
      person: token.created_by_person,
      signed_in_by: null,
      platform,
    };
  }

  if (member === null)
    throw new GantryError('unauthenticated', 'expected the token of a member, found one who left');
  return {
    account,
    actor: `member:${member_id}`,
    roles: rolesInForce(token.roles, member.roles),
    member_id,
    person: personOf(member),
    signed_in_by,
    platform,
  };
}
