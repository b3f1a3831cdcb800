import { GantryError } from './error.ts';
import { listNearest } from './nearest.ts';

/**
 * `not_found` for a row of an account that somebody named.
 * @param field where a request named it, if it stands in a body
 * @param known the names that exist, of which the most similar ones are listed
 */
export function notFoundError(
  noun: string,
  named: { account: string; name: string; field?: string; known?: readonly string[] },
): GantryError {
  const { account, name, field, known } = named;
  const article = /^[aeiou]/.test(noun) ? 'an' : 'a';
  const exist = known === undefined ? '' : `; it has ${listNearest(name, known)}`;

  return new GantryError(
    'not_found',
    `expected ${article} ${noun} of account "${account}", found no ${name}${exist}`,
    { ...(field === undefined ? {} : { field }), found: name },
  );
}
