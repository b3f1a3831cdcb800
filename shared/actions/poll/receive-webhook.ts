import { LRUCache } from 'lru-cache';
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

/**
 * The secrets that this process has read, by webhook. A secret never changes. The row of the
 * webhook is read each time, so a removed webhook is refused.
 */
const secrets = new LRUCache<string, string>({ max: limits.keptSecretsMax });

/**
 * Receives a registry's webhook. It can only poll a repository that the account has registered, and
 * Gantry reads what was pushed from the registry. A sender who knows the secret gets the same
 * response for every repository. A body that was delivered before has no effect.
 * @throws GantryError `hook_refused`, the same for a wrong secret and an unknown webhook;
 * `invalid_request`
 */
export async function receiveHook(
  services: Services,
  id: string,
  headers: Headers,
  body: Uint8Array,
): Promise<void> {
  const hook = await requireAuthentic(services, id, headers, body);
  const repositories = pushedRepositories(hook.kind, hook.host, body);
  // Senders sign the body alone, so a replay is recognized by the body alone.
  const delivery = { hook_id: id, body_hash: sha256Hex(body) };
  if (await wasDelivered(services.db, delivery, services.now())) return;

  for (const repository of repositories.slice(0, limits.hookRepositoriesMax)) {
    // A poll of one module reads the repository for all of them.
    const [module] = await modulesIn(services.db, hook.account, repository);
    if (module !== undefined) await askForPoll(services, hook.account, module);
  }

  // This write comes last: if a worker dies before it, the next delivery does the work.
  const until = new Date(services.now().getTime() + limits.hookRememberSeconds * 1000);
  await rememberDelivery(services.db, delivery, until);
}

/** Returns the one error of every webhook that is not accepted, so that none can be guessed. */
export function refuseHook(): GantryError {
  return new GantryError('hook_refused', 'expected a webhook with its secret, found another');
}

async function requireAuthentic(
  services: Services,
  id: string,
  headers: Headers,
  body: Uint8Array,
): Promise<RegistryHook> {
  const hook = await getHook(services.db, id);
  const secret = hook === null ? null : await readHookSecret(services, hook);
  if (hook === null || secret === null || !isAuthentic(hook.kind, headers, body, secret)) {
    throw refuseHook();
  }

  return hook;
}

async function readHookSecret(services: Services, hook: RegistryHook): Promise<string | null> {
  const known = secrets.get(hook.id);
  if (known !== undefined) return known;

  const secret = await readSecret(services, hookSecretName(services, hook));
  if (secret !== null) secrets.set(hook.id, secret);
  return secret;
}
