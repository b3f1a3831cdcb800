import { randomBytes } from 'node:crypto';
import { newId } from '../../base/ids.ts';
import { notFoundError } from '../../base/not-found.ts';
import type { CreateHookBody } from '../../contract/registries/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { RegistryHook } from '../../domain/registries/index.ts';
import {
  removeHook as deleteHook,
  getHook,
  hookEvent,
  createHook as putHook,
} from '../../store/registries/index.ts';
import { transact } from '../../store/table/index.ts';
import {
  commit,
  deleteSecret,
  nowIso,
  type Services,
  secretName,
  writeSecret,
} from '../context/index.ts';

/** Name of the secret that Gantry shares with the sender of a webhook. */
export function hookSecretName(
  services: Services,
  { account, id }: Pick<RegistryHook, 'account' | 'id'>,
): string {
  return secretName(services, 'hook', account, id);
}

/** The URL to which a registry reports pushes. */
export function hookUrl({ settings }: Services, id: string): string {
  return `${settings.publicUrl}/hooks/registry/${id}`;
}

/** Creates a webhook for one registry. The secret is returned only here. */
export async function createHook(
  services: Services,
  { account, actor }: Caller,
  { kind, host }: CreateHookBody,
): Promise<{ hook: RegistryHook; secret: string }> {
  const at = nowIso(services);
  const id = newId('hook');
  const hook: RegistryHook = { account, id, kind, host, created_by: actor, created_at: at };
  const secret = `gantry_hook_${randomBytes(32).toString('base64url')}`;

  await writeSecret(services, hookSecretName(services, hook), secret);
  return commit(
    services,
    [putHook(hook), hookEvent(hook, { actor, at }, 'created', { kind, host })],
    { hook, secret },
  );
}

/**
 * Removes a webhook, which then accepts no calls.
 * @throws GantryError `not_found`, also for a webhook of another account
 */
export async function removeHook(
  services: Services,
  { account, actor }: Caller,
  id: string,
): Promise<void> {
  const hook = await getHook(services.db, id);
  if (hook === null || hook.account !== account) {
    throw notFoundError('webhook', { account, name: id });
  }

  await transact(services.db, [
    deleteHook(id),
    hookEvent(hook, { actor, at: nowIso(services) }, 'removed', {}),
  ]);
  await deleteSecret(services, hookSecretName(services, hook));
}
