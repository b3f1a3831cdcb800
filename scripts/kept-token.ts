import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { adminToken, deployerServices } from './admin-token.ts';
import type { LocalStack } from './local-stack.ts';

/**
 * Returns the admin token of an earlier start of the local cloud while it is valid, else creates
 * one. Each start would otherwise add a token that never ends. Only its owner can read the file,
 * which `npm run reset` deletes with the cloud that the token is for.
 */
export async function keptAdminToken(
  { outputs, publicUrl }: Pick<LocalStack, 'outputs' | 'publicUrl'>,
  account: string,
  directory: string,
): Promise<string> {
  const file = join(directory, 'admin-token');
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  if (kept !== '' && (await isValid(publicUrl, kept))) return kept;

  const token = await adminToken(deployerServices(outputs), account);
  writeFileSync(file, `${token}\n`, { mode: 0o600 });
  return token;
}

async function isValid(publicUrl: string, token: string): Promise<boolean> {
  const response = await fetch(`${publicUrl}/api/v1/accounts/current`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return response.ok;
}
