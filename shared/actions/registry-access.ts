import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { z } from 'zod';
import { GantryError, isGantryError } from '../error.ts';
import { limits } from '../limits.ts';
import { guardedDispatcher, parseReference, type Reference, RegistryClient } from '../registry/index.ts';
import type { Services } from './services.ts';

const secretValue = z.object({ username: z.string(), password: z.string() });
type Credentials = z.infer<typeof secretValue>;

/** Credentials of a process, by account and host, for five minutes: a poll of many repositories reads them once. */
const known = new Map<string, { until: number; value: Credentials | null }>();

/** Name of the secret that holds an account's credentials for a registry host: `{"username":"…","password":"…"}`. */
export function registrySecretName(account: string, host: string): string {
  // Secret names may not hold colons, nor the brackets of IPv6 addresses.
  return `gantry/registry/${account}/${host.replace(/[^A-Za-z0-9.-]/g, '_')}`;
}

async function credentials(services: Services, account: string, host: string): Promise<Credentials | null> {
  const name = registrySecretName(account, host);
  const now = services.now().getTime();
  const cached = known.get(name);
  if (cached !== undefined && cached.until > now) return cached.value;
  let value: Credentials | null = null;
  try {
    const out = await services.aws.secrets.send(new GetSecretValueCommand({ SecretId: name }));
    value = readSecret(name, out.SecretString ?? '');
  } catch (error) {
    if ((error as { name?: string }).name !== 'ResourceNotFoundException') throw error;
  }
  known.set(name, { until: now + 300_000, value });
  return value;
}

/** Without a cause: what a parser says of a secret quotes it. */
function readSecret(name: string, text: string): Credentials {
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

/** How long a registry asked to be left alone (`Retry-After`), in seconds, within reason; 0 when it did not. */
export function retryAfterSeconds(error: GantryError): number {
  const { retry_after_s = 0 } = (error.details ?? {}) as { retry_after_s?: number };
  return Math.min(retry_after_s, limits.pollFailureMaxSeconds);
}

/** One dispatcher a process, so that connections are used again. */
const dispatchers = new Map<string, ReturnType<typeof guardedDispatcher>>();

function dispatcherFor(allowedHosts: string[]): ReturnType<typeof guardedDispatcher> {
  const key = allowedHosts.join(',');
  const dispatcher = dispatchers.get(key) ?? guardedDispatcher(allowedHosts);
  dispatchers.set(key, dispatcher);
  return dispatcher;
}

/**
 * Works with a module's repository, with the account's credentials for that host where it has any. Credentials that a
 * registry refuses are read anew the next time, so that stored or changed ones work at once.
 */
export async function withRegistry<T>(
  services: Services,
  account: string,
  repository: string,
  work: (client: RegistryClient, reference: Reference) => Promise<T>,
): Promise<T> {
  const reference = parseReference(repository);
  const { host } = reference;
  const dispatcher = dispatcherFor(services.settings.allowedPrivateHosts);
  const client = new RegistryClient({ host, dispatcher, credentials: await credentials(services, account, host) });
  try {
    return await work(client, reference);
  } catch (error) {
    if (isGantryError(error, 'registry_unauthorized')) known.delete(registrySecretName(account, host));
    throw error;
  }
}
