import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
} from '@aws-sdk/client-secrets-manager';
import type { Services } from './services.ts';

/**
 * Name of a secret of an account. IAM lets the functions of a deployment reach only names below its
 * own.
 */
export function secretName(
  { settings }: Services,
  kind: 'registry' | 'hook',
  account: string,
  name: string,
): string {
  return `gantry/${settings.deployment}/${kind}/${account}/${name}`;
}

/** Returns the text of a secret, or null if there is none. */
export async function readSecret({ aws }: Services, name: string): Promise<string | null> {
  try {
    return (
      (await aws.secrets.send(new GetSecretValueCommand({ SecretId: name }))).SecretString ?? ''
    );
  } catch (error) {
    if (isNamed(error, 'ResourceNotFoundException')) return null;
    throw error;
  }
}

/** Stores a secret, and replaces a former one. */
export async function writeSecret({ aws }: Services, name: string, text: string): Promise<void> {
  const put = () =>
    aws.secrets.send(new PutSecretValueCommand({ SecretId: name, SecretString: text }));
  try {
    await put();
  } catch (error) {
    if (!isNamed(error, 'ResourceNotFoundException')) throw error;
    try {
      await aws.secrets.send(new CreateSecretCommand({ Name: name, SecretString: text }));
    } catch (again) {
      // Another call created it first.
      if (!isNamed(again, 'ResourceExistsException')) throw again;
      await put();
    }
  }
}

/**
 * Deletes a secret permanently and immediately, so that its name can be used again. A missing one
 * is fine.
 */
export async function deleteSecret({ aws }: Services, name: string): Promise<void> {
  try {
    await aws.secrets.send(
      new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }),
    );
  } catch (error) {
    if (!isNamed(error, 'ResourceNotFoundException')) throw error;
  }
}

function isNamed(error: unknown, name: string): boolean {
  return (error as { name?: string } | null)?.name === name;
}
