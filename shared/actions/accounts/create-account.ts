import { randomBytes } from 'node:crypto';
import { GantryError } from '../../base/error.ts';
import { newId, sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { isSlug } from '../../base/slug.ts';
import { dayMs } from '../../base/time.ts';
import { makeRoot, rootSha256 } from '../../director/index.ts';
import {
  type Account,
  type ApiToken,
  deploymentPerson,
  type Role,
  type SignIn,
} from '../../domain/accounts/index.ts';
import { seededCategories } from '../../domain/modules/index.ts';
import * as accounts from '../../store/accounts/index.ts';
import { createEvent } from '../../store/event.ts';
import { objectKeys, putByDigest } from '../../store/objects.ts';
import { transact } from '../../store/table/index.ts';
import { commit, nowIso, type Services } from '../context/index.ts';
import { createDirectorKey, directorPublicKey, signAsDirector } from './director-key.ts';

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
 * Makes an account: its director key, account root, seeded categories and first admin token, which
 * is returned once. A run that dies before the last write leaves at most an unused key.
 *
 * @throws GantryError `already_exists` when the slug is taken
 */
export async function createAccount(
  services: Services,
  input: { slug: string; name: string; platform?: boolean },
): Promise<{ account: Account; token: string }> {
  if (!isSlug(input.slug)) {
    throw new GantryError(
      'invalid_request',
      `expected a slug such as "acme", found "${input.slug}"`,
      {
        field: 'slug',
      },
    );
  }

  if ((await accounts.getAccount(services.db, input.slug)) !== null) {
    throw new GantryError('already_exists', `account "${input.slug}" exists already`, {
      field: 'slug',
    });
  }

  const at = nowIso(services);
  const director_key_id = await createDirectorKey(services, input.slug);

  const root = makeRoot({
    publicKeyPem: await directorPublicKey(services, director_key_id),
    version: 1,
    expires: new Date(services.now().getTime() + limits.accountRootDays * dayMs),
  });

  const bytes = await signAsDirector(services, director_key_id, root);
  const root_sha256 = rootSha256(bytes);

  await putByDigest(
    services.objects,
    { key: objectKeys.root(input.slug, root_sha256), body: bytes, type: 'application/json' },
    services.now(),
  );

  const account: Account = {
    slug: input.slug,
    name: input.name,
    director_key_id,
    root_sha256,
    root_version: 1,
    revision: 1,
    created_at: at,
  };

  const { token, secret } = makeToken({
    account: input.slug,
    name: 'first admin token',
    roles: ['admin'],
    at,
    created_by_person: deploymentPerson,
    platform: input.platform ?? false,
  });

  const writes = [
    accounts.createAccount(account),
    accounts.createToken(token),
    ...seededCategories.map((category) =>
      accounts.createCategory({
        account: input.slug,
        module_added_at: null,
        created_at: at,
        ...category,
      }),
    ),
    createEvent({
      type: 'gantry.account.created',
      account: input.slug,
      subject: `account/${input.slug}`,
      actor: `token:${token.id}`,
      at,
      data: { root_sha256 },
    }),
  ];

  return commit(services, writes, { account, token: secret });
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
  const former = (await accounts.listTokens(services.db, account)).filter(
    (one) => one.name === name && one.revoked_at === null,
  );

  await transact(services.db, [
    accounts.createToken(token),
    ...former.map((one) => accounts.revokeToken(one.hash, token.created_at)),
    accounts.tokenEvent(token, { actor: 'deployer', at }, 'created', { name, roles: token.roles }),
  ]);

  return secret;
}
