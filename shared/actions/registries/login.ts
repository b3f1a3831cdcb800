import type { RegistryLoginBody } from '../../contract/registries/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { RegistryLogin } from '../../domain/registries/index.ts';
import { transact } from '../../store/db.ts';
import { createEvent } from '../../store/event.ts';
import { putRegistryLogin, removeRegistryLogin } from '../../store/registries/index.ts';
import { deleteSecret, nowIso, type Services, writeSecret } from '../context/index.ts';
import { registrySecretName } from './credentials.ts';

/** Stores the caller's account's credentials for a registry host, over those that are there. The password is not kept here. */
export async function storeRegistryLogin(
  services: Services,
  caller: Caller,
  host: string,
  { username, password }: RegistryLoginBody,
): Promise<RegistryLogin> {
  const { account, actor } = caller;
  const at = nowIso(services);
  // The secret first: a row without it would promise what the workers do not have.
  await writeSecret(
    services,
    registrySecretName(services, account, host),
    JSON.stringify({ username, password }),
  );
  const login = { account, host, username, stored_by: actor, stored_at: at };
  await transact(services.db, [
    putRegistryLogin(login),
    createEvent({
      type: 'gantry.registry.login_stored',
      account,
      subject: `registry/${host}`,
      actor,
      at,
      data: { username },
    }),
  ]);
  return login;
}

/** Removes them. `not_found` when there are none. Workers may use what they have read for five minutes more. */
export async function forgetRegistryLogin(
  services: Services,
  caller: Caller,
  host: string,
): Promise<void> {
  const { account, actor } = caller;
  await deleteSecret(services, registrySecretName(services, account, host));
  await transact(services.db, [
    removeRegistryLogin(account, host),
    createEvent({
      type: 'gantry.registry.login_removed',
      account,
      subject: `registry/${host}`,
      actor,
      at: nowIso(services),
      data: {},
    }),
  ]);
}
