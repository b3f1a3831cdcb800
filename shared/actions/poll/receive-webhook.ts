import { GantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import type { RegistryHook } from '../../domain/registries/index.ts';
import { type Headers, isAuthentic, pushedRepositories } from '../../registry/index.ts';
import { modulesIn } from '../../store/poll/index.ts';
import { getHook, rememberDelivery, wasDelivered } from '../../store/registries/index.ts';
import type { Services } from '../context/index.ts';
import { readSecret } from '../context/index.ts';
import { askForPoll } from '../modules/index.ts';
import { hookSecretName } from '../registries/index.ts';

/** Secrets of this process by webhook; one never changes. A removed door is shut by its row, which is read each time. */
const secrets = new Map<string, string>();

/**
 * Takes a registry's webhook. All that it can do is have a repository polled that the account has registered: what was
 * pushed is asked of the registry itself. Whoever knows the secret gets the same answer for every repository; a body that
 * was delivered before does nothing again.
 * @throws GantryError `hook_refused`, the same for a wrong secret and an unknown door; `invalid_request`
 */
export async function receiveHook(
  services: Services,
  id: string,
  headers: Headers,
  body: Uint8Array,
): Promise<void> {
  const hook = await getHook(services.db, id);
  const secret = hook === null ? null : await secretOf(services, hook);
  if (hook === null || secret === null || !isAuthentic(hook.kind, headers, body, secret)) {
    throw new GantryError(
      'hook_refused',
      'expected a webhook with the secret of this door, found another',
    );
  }
  const repositories = pushedRepositories(hook.kind, hook.host, body);
  // Of what a sender signs only the body is covered, so the body is what a replay is known by.
  const bodyHash = sha256Hex(body);
  if (await wasDelivered(services.db, id, bodyHash)) return;
  for (const repository of repositories.slice(0, limits.hookRepositoriesMax)) {
    for (const module of await modulesIn(services.db, hook.account, repository)) {
      await askForPoll(services, hook.account, module);
    }
  }
  // Last: what died before it is done again when the registry sends it again.
  const until = new Date(services.now().getTime() + limits.hookRememberSeconds * 1000);
  await rememberDelivery(services.db, id, bodyHash, until);
}

async function secretOf(services: Services, hook: RegistryHook): Promise<string | null> {
  const known = secrets.get(hook.id);
  if (known !== undefined) return known;
  const secret = await readSecret(services, hookSecretName(services, hook));
  if (secret !== null) secrets.set(hook.id, secret);
  return secret;
}
