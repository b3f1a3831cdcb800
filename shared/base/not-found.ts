import { GantryError } from './error.ts';

/**
 * `not_found` for a row of an account that somebody named.
 * @param field where a request named it, if it stands in a body
 */
export function notFoundError(
  noun: string,
  { account, name, field }: { account: string; name: string; field?: string },
): GantryError {
  const article = /^[aeiou]/.test(noun) ? 'an' : 'a';
  return new GantryError(
    'not_found',
    `expected ${article} ${noun} of account "${account}", found no ${name}`,
    { ...(field === undefined ? {} : { field }), found: name },
  );
}
