import { GantryError } from '../../base/error.ts';
import type { CreateTokenBody } from '../../contract/accounts/index.ts';
import type { ApiToken, Caller } from '../../domain/accounts/index.ts';
import { createToken as creation, tokenEvent } from '../../store/accounts/index.ts';
import { transact } from '../../store/table/index.ts';
import { nowIso, type Services } from '../context/index.ts';
import { makeToken } from './create-account.ts';
import { requireMember } from './require-account.ts';

/** Makes an API token of the caller's account. The secret is returned here and stored nowhere. */
export async function createToken(
  services: Services,
  caller: Caller,
  input: CreateTokenBody,
): Promise<{ token: ApiToken; secret: string }> {
  const at = nowIso(services);
  const { account, actor } = caller;

  if (input.expires_at !== undefined && input.expires_at <= at) {
    throw new GantryError(
      'invalid_request',
      `expected a time in the future, found ${input.expires_at}`,
      {
        field: 'expires_at',
      },
    );
  }

  if (input.member_id !== undefined)
    await requireMember(services, account, input.member_id, 'member_id');
  const roles = [...new Set(input.roles)];

  const { token, secret } = makeToken({
    account,
    name: input.name,
    roles,
    at,
    member_id: input.member_id ?? null,
    expires_at: input.expires_at ?? null,
  });

  await transact(services.db, [
    creation(token),
    tokenEvent(token, { actor, at }, 'created', {
      roles,
      member_id: token.member_id,
      expires_at: token.expires_at,
    }),
  ]);

  return { token, secret };
}
