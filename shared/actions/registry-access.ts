import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { z } from 'zod';
import { parseReference, type Reference, RegistryClient } from '../registry/index.ts';
import type { Services } from './services.ts';

const secretValue = z.object({ username: z.string(), password: z.string() });

/** Credentials of a process, by account and host, for five minutes: a poll of many repositories reads them once. */
const known = new Map<string, { until: number; value: { username: string; password: string } | null }>();

/** Name of the secret that holds an account's credentials for a registry host. */
export function registrySecretName(account: string, host: string): string {
  // Secret names may not hold a colon.
  return `gantry/registry/${account}/${host.replace(':', '_')}`;
}

async function credentials(services: Services, account: string, host: string) {
  const name = registrySecretName(account, host);
  const now = services.now().getTime();
  const cached = known.get(name);
  if (cached !== undefined && cached.until > now) return cached.value;
  let value: { username: string; password: string } | null = null;
  try {
    const out = await services.aws.secrets.send(new GetSecretValueCommand({ SecretId: name }));
    value = secretValue.parse(JSON.parse(out.SecretString ?? ''));
  } catch (error) {
    if ((error as { name?: string }).name !== 'ResourceNotFoundException') throw error;
  }
  known.set(name, { until: now + 300_000, value });
  return value;
}

/** A client for a module's repository, with the account's credentials for that host where it has any. */
export async function registryFor(
  services: Services,
  account: string,
  repository: string,
): Promise<{ client: RegistryClient; reference: Reference }> {
  const reference = parseReference(repository);
  const client = new RegistryClient({
    host: reference.host,
    credentials: await credentials(services, account, reference.host),
  });
  return { client, reference };
}
