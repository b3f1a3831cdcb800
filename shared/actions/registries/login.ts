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
 * Stores the account's credentials for a registry host in place of earlier ones. The row does not
 * hold the password.
 */
export async function storeRegistryLogin(
  services: Services,
  caller: Caller,
  host: string,
  { username, password }: RegistryLoginBody,
): Promise<RegistryLogin> {
  const { account, actor } = caller;
  const at = nowIso(services);
  const login = { account, host, username, stored_by: actor, stored_at: at };

  // Write the secret first, because a row without it would promise credentials that the workers do
  // not have.
  const secret = registrySecretName(services, account, host);
  await writeSecret(services, secret, JSON.stringify({ username, password }));
  await transact(services.db, [
    putRegistryLogin(login),
    registryEvent(login, { actor, at }, 'login_stored', { username }),
  ]);

  return login;
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
