import { GantryError } from './error.ts';
import { listNearest } from './nearest.ts';

/**
 * `not_found` for a row of an account that somebody named.
 * @param field where a request named it, if it stands in a body
 * @param known the names that exist, of which the most similar ones are listed
 * @param others whether there are more than the known ones
 */
export function notFoundError(
  noun: string,
  named: {
    account: string;
    name: string;
    field?: string;
    known?: readonly string[];
    others?: boolean;
  },
): GantryError {
  const { account, name, field, known, others } = named;
  const article = /^[aeiou]/.test(noun) ? 'an' : 'a';
  const exist = known === undefined ? '' : `; it has ${listNearest(name, known, others)}`;

  return new GantryError(
    'not_found',
    `expected ${article} ${noun} of account "${account}", found no ${name}${exist}`,
    { ...(field === undefined ? {} : { field }), found: name },
  );
}
