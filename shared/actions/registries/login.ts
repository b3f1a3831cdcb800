import { createHash } from 'node:crypto';
import { readCertificates } from '../../base/certificates.ts';
import { GantryError } from '../../base/error.ts';
import type { RegistryLoginBody } from '../../contract/registries/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { RegistryLogin } from '../../domain/registries/index.ts';
import {
  putRegistryLogin,
  registryEvent,
  removeRegistryLogin,
} from '../../store/registries/index.ts';
import { transact } from '../../store/table/index.ts';
import { deleteSecret, nowIso, type Services, writeSecret } from '../context/index.ts';
import { registrySecretName } from './credentials.ts';

/**
 * Stores the account's credentials for a registry host, its authority, or both, in place of all
 * that was stored. The row does not hold the password.
 * @throws GantryError `invalid_request` for an authority that is not certificates in PEM
 */
export async function storeRegistryLogin(
  services: Services,
  caller: Caller,
  host: string,
  body: RegistryLoginBody,
): Promise<RegistryLogin> {
  const { username, ca: pem } = { username: null, ca: null, ...body };
  const ca = pem === null ? null : requireCertificates(pem);
  const { account, actor } = caller;
  const at = nowIso(services);
  const login = { account, host, username, ca, stored_by: actor, stored_at: at };

  // Write the secret first, because a row without it would promise credentials that the workers do
  // not have.
  const secret = registrySecretName(services, account, host);
  if (username === null) await deleteSecret(services, secret);
  else await writeSecret(services, secret, JSON.stringify({ username, password: body.password }));
  await transact(services.db, [
    putRegistryLogin(login),
    registryEvent(login, { actor, at }, 'login_stored', {
      username,
      ...(ca === null ? {} : { ca_sha256: createHash('sha256').update(ca).digest('hex') }),
    }),
  ]);

  return login;
}

function requireCertificates(pem: string): string {
  const certificates = readCertificates(pem);
  if (certificates !== null) return certificates;

  throw new GantryError(
    'invalid_request',
    'expected certificates in PEM as the authority, found another text',
    { field: 'ca' },
  );
}

/**
 * Removes the account's credentials for a registry host. Workers may use credentials that they have
 * read for five more minutes.
 * @throws GantryError `not_found` when there are none
 */
export async function forgetRegistryLogin(
  services: Services,
  { account, actor }: Caller,
  host: string,
): Promise<void> {
  await deleteSecret(services, registrySecretName(services, account, host));
  const cause = { actor, at: nowIso(services) };

  await transact(services.db, [
    removeRegistryLogin(account, host),
    registryEvent({ account, host }, cause, 'login_removed', {}),
  ]);
}
