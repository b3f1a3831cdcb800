import { randomBytes } from 'node:crypto';
import { newId, sha256Hex } from '../../base/ids.ts';
import {
  type ApiToken,
  deploymentPerson,
  type Role,
  type SignIn,
} from '../../domain/accounts/index.ts';
import { createToken, listTokens, revokeToken, tokenEvent } from '../../store/accounts/index.ts';
import { transact } from '../../store/table/index.ts';
import { nowIso, type Services } from '../context/index.ts';

export interface NewToken {
  token: ApiToken;
  /** The secret that callers send. Gantry shows it once and does not store it. */
  secret: string;
}

/** Makes a token's row and its secret. The row holds only the SHA-256 of the secret. */
export function makeToken({
  account,
  name,
  roles,
  at,
  created_by_person,
  member_id = null,
  signed_in_by = null,
  platform = false,
  expires_at = null,
}: {
  account: string;
  name: string;
  roles: Role[];
  at: string;
  created_by_person: string;
  member_id?: string | null;
  signed_in_by?: SignIn | null;
  platform?: boolean;
  expires_at?: string | null;
}): NewToken {
  const secret = `gantry_${randomBytes(32).toString('base64url')}`;
  const token: ApiToken = {
    account,
    id: newId('token'),
    name,
    roles,
    member_id,
    created_by_person,
    signed_in_by,
    platform,
    hash: sha256Hex(secret),
    revision: 1,
    created_at: at,
    expires_at,
    revoked_at: null,
    last_used_at: null,
  };

  return { token, secret };
}

/**
 * Creates an admin token for the deployer of an account, and revokes the former token of that name.
 */
export async function mintAdminToken(
  services: Services,
  account: string,
  name: string,
): Promise<string> {
  const at = nowIso(services);
  const { token, secret } = makeToken({
    account,
    name,
    roles: ['admin'],
    at,
    created_by_person: deploymentPerson,
    platform: true,
  });
  const former = (await listTokens(services.db, account)).filter(
    (one) => one.name === name && one.revoked_at === null,
  );

  await transact(services.db, [
    createToken(token),
    ...former.map((one) => revokeToken(one.hash, token.created_at)),
    tokenEvent(token, { actor: 'deployer', at }, 'created', { name, roles: token.roles }),
  ]);

  return secret;
}
