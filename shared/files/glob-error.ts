import { GantryError } from '../base/error.ts';

/** The error for a pattern that is not a usable glob. */
export function badGlob(pattern: string, why: string): GantryError {
  return new GantryError(
    'glob_invalid',
    `${JSON.stringify(pattern)} is not a usable glob: ${why}`,
    { found: pattern },
  );
}
