import { randomBytes } from 'node:crypto';
import { GantryError } from '../../base/error.ts';
import { newId } from '../../base/ids.ts';
import type { CreateHookBody } from '../../contract/registries/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { RegistryHook } from '../../domain/registries/index.ts';
import { transact } from '../../store/db.ts';
import { createEvent } from '../../store/event.ts';
import {
  createHook as creation,
  getHook,
  removeHook as removal,
} from '../../store/registries/index.ts';
import { deleteSecret, nowIso, type Services, secretName, writeSecret } from '../context/index.ts';

/** Name of the secret that a webhook's sender shares with Gantry. */
export function hookSecretName(
  services: Services,
  { account, id }: Pick<RegistryHook, 'account' | 'id'>,
): string {
  return secretName(services, 'hook', account, id);
}

/** Where a registry sends to. */
export function hookUrl({ settings }: Services, id: string): string {
  return `${settings.publicUrl}/hooks/registry/${id}`;
}

/** Opens a door for one registry's webhooks. The secret is answered here; what must check it reads it from its secret. */
export async function createHook(
  services: Services,
  caller: Caller,
  { kind, host }: CreateHookBody,
): Promise<{ hook: RegistryHook; secret: string }> {
  const { account, actor } = caller;
  const at = nowIso(services);
  const hook: RegistryHook = {
    account,
    id: newId('hook'),
    kind,
    host,
    created_by: actor,
    created_at: at,
  };
  const secret = `gantry_hook_${randomBytes(32).toString('base64url')}`;
  await writeSecret(services, hookSecretName(services, hook), secret);
  await transact(services.db, [
    creation(hook),
    createEvent({
      type: 'gantry.hook.created',
      account,
      subject: `hook/${hook.id}`,
      actor,
      at,
      data: { kind, host },
    }),
  ]);
  return { hook, secret };
}

/** Closes it at once. `not_found` for one of another account too. */
export async function removeHook(services: Services, caller: Caller, id: string): Promise<void> {
  const { account, actor } = caller;
  const hook = await getHook(services.db, id);
  if (hook === null || hook.account !== account) {
    throw new GantryError('not_found', `expected a webhook ${id} of this account, found none`);
  }
  const at = nowIso(services);
  await transact(services.db, [
    removal(id),
    createEvent({
      type: 'gantry.hook.removed',
      account,
      subject: `hook/${id}`,
      actor,
      at,
      data: {},
    }),
  ]);
  await deleteSecret(services, hookSecretName(services, hook));
}
