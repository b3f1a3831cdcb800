import { GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import type { Requester } from '../../domain/registries/index.ts';
import { createRegistryMemory, ecrRegion, type RegistryMemory } from '../../registry/index.ts';
import { getRegistryLogin } from '../../store/registries/index.ts';
import type { Services } from '../context/index.ts';
import { readSecret, secretName } from '../context/index.ts';

const secretValue = z.object({ username: z.string(), password: z.string() });
type StoredCredentials = z.infer<typeof secretValue>;

interface KeptCredentials {
  untilMs: number;
  value: StoredCredentials | null;
  /** Certificates (PEM) of authorities to trust for the host. */
  ca: string | null;
  owner: Requester['credentials'];
  /** The authentication that the host asks for with these credentials. */
  memory: RegistryMemory;
}

/**
 * The credentials that this process has read, by secret. Polls of many repositories read a secret,
 * and request a token, only once.
 */
const kept = new LRUCache<string, KeptCredentials>({ max: limits.keptSecretsMax });

/**
 * Name of the secret that holds an account's credentials for a registry host:
 * `{"username":"…","password":"…"}`.
 */
export function registrySecretName(services: Services, account: string, host: string): string {
  // Secret names may not hold colons, nor the brackets of IPv6 addresses.
  return secretName(services, 'registry', account, host.replace(/[^A-Za-z0-9.-]/g, '_'));
}

/**
 * Returns an account's credentials for a host: those that an operator stored, else a token of ECR
 * for a host of ECR, else none; and the authority that an operator stored.
 * @throws GantryError `registry_unauthorized` when the stored secret is malformed
 */
export async function registryCredentials(
  services: Services,
  account: string,
  host: string,
): Promise<KeptCredentials> {
  const name = registrySecretName(services, account, host);
  const now = services.now().getTime();
  const cached = kept.get(name);
  if (cached !== undefined && cached.untilMs > now) return cached;

  const [stored, login] = await Promise.all([
    storedCredentials(services, name),
    getRegistryLogin(services.db, account, host),
  ]);
  const fresh = stored === null ? await ecrCredentials(services, host) : null;
  const value = stored ?? fresh?.value ?? null;

  const same = JSON.stringify(cached?.value) === JSON.stringify(value);
  const entry = {
    value,
    ca: login?.ca ?? null,
    owner: ownerOf(stored, value),
    untilMs: fresh?.untilMs ?? now + limits.registryCredentialsMs,
    memory: same && cached !== undefined ? cached.memory : createRegistryMemory(),
  };

  kept.set(name, entry);
  return entry;
}

function ownerOf(
  stored: StoredCredentials | null,
  value: StoredCredentials | null,
): Requester['credentials'] {
  if (stored !== null) return 'own';
  return value === null ? 'none' : 'platform';
}

/**
 * Makes the next use read the credentials again. Call it after they were refused, because an
 * operator may have stored others.
 */
export function forgetCredentials(services: Services, account: string, host: string): void {
  kept.delete(registrySecretName(services, account, host));
}

async function storedCredentials(
  services: Services,
  name: string,
): Promise<StoredCredentials | null> {
  const text = await readSecret(services, name);
  return text === null ? null : parseSecret(name, text);
}

/** The error has no cause: a parser's message quotes what it parsed. */
function parseSecret(name: string, text: string): StoredCredentials {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }

  const parsed = secretValue.safeParse(value);
  if (parsed.success) return parsed.data;

  throw new GantryError(
    'registry_unauthorized',
    `expected the secret ${name} to hold {"username":"…","password":"…"}, found something else`,
  );
}

/**
 * Returns a token with which the platform's own role can read from ECR for twelve hours; null for
 * other registries.
 */
async function ecrCredentials(services: Services, host: string) {
  const { ecr, endpointHost } = services.aws;
  const region = ecrRegion(host);
  if (region === null && host !== endpointHost) return null;

  const client = ecr(region ?? undefined);
  const { authorizationData = [] } = await client.send(new GetAuthorizationTokenCommand({}));

  const [username = '', password = ''] = Buffer.from(
    authorizationData[0]?.authorizationToken ?? '',
    'base64',
  )
    .toString('utf8')
    .split(/:(.*)/s);

  if (password === '')
    throw new GantryError(
      'registry_unauthorized',
      `expected a token of ECR for ${host}, found none`,
    );

  const expiresMs = authorizationData[0]?.expiresAt?.getTime() ?? 0;
  return { value: { username, password }, untilMs: expiresMs - limits.registryCredentialsMs };
}
