import { GantryError } from '../../base/error.ts';
import type { ApiToken } from '../../domain/accounts/index.ts';
import { type Db, type Draft, entity, type Write } from '../table/index.ts';

const tokens = entity<ApiToken>()({
  name: 'token',
  attributes: {
    account: 'text',
    id: 'text',
    name: 'text',
    roles: 'json',
    member_id: 'json',
    created_by_person: 'text',
    signed_in_by: 'json',
    platform: 'flag',
    hash: 'text',
    revision: 'number',
    created_at: 'text',
    expires_at: 'json',
    revoked_at: 'json',
    last_used_at: 'json',
  },
  key: { pk: 'token#${hash}', sk: 'token' },
  lists: { byId: { index: 'gsi1', pk: '${account}#tokens', sk: '${id}' } },
});

export function getToken(db: Db, hash: string): Promise<ApiToken | null> {
  return tokens.get(db, { hash });
}

/**
 * The token of an id, or null. Tokens are kept by hash, so it is looked up in the list of its
 * account.
 */
export async function findToken(db: Db, account: string, id: string): Promise<ApiToken | null> {
  const { rows } = await tokens.list(db, 'byId', { account }, { begins: id, limit: 1 });
  return rows.find((token) => token.id === id) ?? null;
}

/** Every token of an account, revoked and expired ones included. */
export function listTokens(db: Db, account: string): Promise<ApiToken[]> {
  return tokens.all(db, 'byId', { account });
}

export function createToken(token: Draft<ApiToken>): Write {
  return tokens.create(token, () => new GantryError('already_exists', `token ${token.id} exists`));
}

export function revokeToken(hash: string, revoked_at: string): Write {
  return tokens.updateWhere(
    { hash },
    { revoked_at: null },
    { revoked_at },
    () => new GantryError('conflict', 'the token is revoked already'),
  );
}

/** Notes when a token was used, unless another call just did. */
export function touchToken(
  { hash, last_used_at }: Pick<ApiToken, 'hash' | 'last_used_at'>,
  at: string,
): Write {
  return tokens.adjust({ hash }, { set: { last_used_at: at } }, { last_used_at });
}
