import { text as readAll } from 'node:stream/consumers';
import { GantryError } from '../../shared/base/error.ts';

/**
 * Something that must not stand on a command line: from standard input where it is piped or `piped` says so, else asked
 * for without showing it.
 * @param what names it in the question and in the error, e.g. `API token`
 * @throws GantryError `usage` when nothing came
 */
export async function readHidden(what: string, piped: boolean): Promise<string> {
  if (piped || !process.stdin.isTTY) {
    const value = (await readAll(process.stdin)).trim();
    if (value === '')
      throw new GantryError('usage', `expected the ${what} on standard input, found nothing`);
    return value;
  }
  const { isCancel, password } = await import('@clack/prompts');
  const answer = await password({ message: what });
  if (isCancel(answer) || answer.trim() === '')
    throw new GantryError('usage', `expected the ${what}`);
  return answer.trim();
}
