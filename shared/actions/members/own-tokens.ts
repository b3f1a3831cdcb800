import { GantryError } from '../../base/error.ts';
import { notFoundError } from '../../base/not-found.ts';
import type { CreateOwnTokenBody } from '../../contract/accounts/index.ts';
import { type ApiToken, type Caller, hasRole, type Member } from '../../domain/accounts/index.ts';
import {
  createToken,
  findToken,
  listTokens,
  revokeToken as revocation,
  tokenEvent,
} from '../../store/accounts/index.ts';
import { transact } from '../../store/table/index.ts';
import { makeToken, type NewToken, refusePast, requireMember } from '../accounts/index.ts';
import { commit, nowIso, type Services } from '../context/index.ts';

/**
 * Makes another token of the member who calls. Nobody else can make one. It has no role that the
 * calling token lacks, so that a narrow token cannot make a wide one.
 */
export async function createOwnToken(
  services: Services,
  caller: Caller,
  { name, roles = [...caller.roles], expires_at }: CreateOwnTokenBody,
): Promise<NewToken> {
  const { account, actor, person, signed_in_by } = caller;
  const at = nowIso(services);
  const member_id = requireOwn(caller);
  refusePast(expires_at, at);

  const more = roles.find((role) => !hasRole(caller, role));
  if (more !== undefined) {
    const held = caller.roles.join(', ');
    throw new GantryError('forbidden', `expected roles among ${held}, found ${more}`, {
      field: 'roles',
    });
  }

  const made = makeToken({
    account,
    name,
    roles: [...new Set(roles)],
    at,
    created_by_person: person,
    member_id,
    signed_in_by,
    expires_at: expires_at ?? null,
  });

  const { token } = made;
  const data = { roles: token.roles, member_id, expires_at: token.expires_at };
  return commit(
    services,
    [createToken(token), tokenEvent(token, { actor, at }, 'created', data)],
    made,
  );
}

/** The member who calls, and their tokens. */
export async function listOwnTokens(
  services: Services,
  caller: Caller,
): Promise<{ member: Member; tokens: ApiToken[] }> {
  const [member, tokens] = await Promise.all([
    requireMember(services, caller.account, requireOwn(caller)),
    listTokens(services.db, caller.account),
  ]);
  return { member, tokens: tokens.filter(({ member_id }) => member_id === member.id) };
}

/** Revokes a token of the member who calls. @throws GantryError `not_found`, `conflict` */
export async function revokeOwnToken(
  services: Services,
  caller: Caller,
  id: string,
): Promise<void> {
  const { account, actor } = caller;
  const member_id = requireOwn(caller);
  const token = await findToken(services.db, account, id);
  if (token === null || token.member_id !== member_id)
    throw notFoundError('token', { account, name: id });

  const at = nowIso(services);
  await transact(services.db, [
    revocation(token.hash, at),
    tokenEvent(token, { actor, at }, 'revoked', {}),
  ]);
}

function requireOwn({ member_id }: Caller): string {
  if (member_id !== null) return member_id;
  throw new GantryError(
    'forbidden',
    'expected the token of a member, found a service token; a member gets theirs by following the invitation',
  );
}
