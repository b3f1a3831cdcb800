import { GantryError } from '../../base/error.ts';

/** Throws `composition_too_large` for more than `expected`. */
export function refuseBeyond(what: string, expected: number, found: number): void {
  if (found <= expected) return;
  const message = `expected at most ${expected} ${what}, found ${found}`;
  throw new GantryError('composition_too_large', message, { expected, found });
}
