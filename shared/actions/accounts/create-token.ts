import { GantryError } from '../../base/error.ts';
import type { CreateTokenBody } from '../../contract/accounts/index.ts';
import type { ApiToken, Caller } from '../../domain/accounts/index.ts';
import { createToken as creation, tokenEvent } from '../../store/accounts/index.ts';
import { commit, nowIso, type Services } from '../context/index.ts';
import { makeToken } from './make-token.ts';

/**
 * Makes a service token of the caller's account, for programs. It counts as the caller's person for
 * four eyes. The secret is returned here and stored nowhere.
 */
export async function createToken(
  services: Services,
  caller: Caller,
  input: CreateTokenBody,
): Promise<{ token: ApiToken; secret: string }> {
  const at = nowIso(services);
  const { account, actor, person } = caller;
  refusePast(input.expires_at, at);

  const roles = [...new Set(input.roles)];

  const { token, secret } = makeToken({
    account,
    name: input.name,
    roles,
    at,
    created_by_person: person,
    expires_at: input.expires_at ?? null,
  });

  const data = { roles, member_id: token.member_id, expires_at: token.expires_at };
  return commit(services, [creation(token), tokenEvent(token, { actor, at }, 'created', data)], {
    token,
    secret,
  });
}

export function refusePast(expires_at: string | undefined, at: string): void {
  if (expires_at === undefined || expires_at > at) return;
  throw new GantryError('invalid_request', `expected a time in the future, found ${expires_at}`, {
    field: 'expires_at',
  });
}
