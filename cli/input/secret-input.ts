import { text as readAll } from 'node:stream/consumers';
import { GantryError } from '../../shared/base/error.ts';

/**
 * Reads a secret, which must not appear on a command line: from standard input if that is piped or
 * `piped` is true, else from a hidden prompt.
 * @param what names the secret in the prompt and in errors, such as `API token`
 * @throws GantryError `usage` if the input is empty
 */
export async function readHidden(what: string, piped: boolean): Promise<string> {
  if (piped || !process.stdin.isTTY) {
    const value = (await readAll(process.stdin)).trim();
    if (value === '')
      throw new GantryError('usage', `expected the ${what} on standard input, found nothing`);
    return value;
  }

  const { isCancel, password } = await import('@clack/prompts');
  const response = await password({ message: what });
  if (isCancel(response) || response.trim() === '')
    throw new GantryError('usage', `expected the ${what}, found none`);

  return response.trim();
}
