import { GantryError } from '../../base/error.ts';
import { fieldBytesMax, keyBytesMax, rowBounds, rowBytesMax } from '../../base/limits/rows.ts';
import { fieldsOf, fill, type Kind, type Row } from './attributes.ts';
import type { KeyTemplates } from './electro.ts';

/** The most bytes of each field of an entity, as JSON; numbers and flags have no bound. */
export type Bounds = Readonly<Record<string, number>>;

/** @throws Error if rows within the bounds could exceed what DynamoDB takes */
export function boundsOf(name: string, kinds: Readonly<Record<string, Kind>>): Bounds {
  const own = (Object.hasOwn(rowBounds, name) ? rowBounds[name] : undefined) ?? {};
  const unknown = Object.keys(own).filter((field) => !Object.hasOwn(kinds, field));
  if (unknown.length > 0) throw new Error(`${name} has no ${unknown.join(', ')} to bound`);

  const bounds = Object.entries(kinds).flatMap(([field, kind]) => {
    if (kind === 'number' || kind === 'flag') return [];
    return [[field, own[field] ?? fieldBytesMax[kind === 'text' ? 'text' : 'json']] as const];
  });

  const sum = bounds.reduce((bytes, [, bound]) => bytes + bound, 0);
  if (sum > rowBytesMax) {
    throw new Error(`expected bounds of ${name} of at most ${rowBytesMax} bytes, found ${sum}`);
  }
  return Object.fromEntries(bounds);
}

/**
 * Refuses fields that would make a row too large, before anything is sent.
 * @throws GantryError `too_large`, which names the field, its size and its bound
 */
export function requireBounds(name: string, bounds: Bounds, row: Row): void {
  for (const [field, value] of Object.entries(row)) {
    const bound = bounds[field];
    if (bound === undefined || value === undefined) continue;

    const found = bytesOf(value);
    if (found > bound) throw tooLarge(`${field} of the ${name}`, field, bound, found);
  }
}

/** @throws GantryError `too_large`, which names the longest field of the key */
export function requireKeys(name: string, templates: readonly KeyTemplates[], row: Row): void {
  for (const template of templates) {
    for (const part of ['pk', 'sk'] as const) {
      const found = Buffer.byteLength(fill(template[part], row));
      if (found <= keyBytesMax[part]) continue;

      const [longest = name] = fieldsOf(template[part]).sort(
        (a, b) => String(row[b]).length - String(row[a]).length,
      );
      throw tooLarge(
        `a ${name} with a shorter ${longest}: a key`,
        longest,
        keyBytesMax[part],
        found,
      );
    }
  }
}

function bytesOf(value: unknown): number {
  if (value instanceof Uint8Array) return value.byteLength;
  return Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value));
}

function tooLarge(what: string, field: string, expected: number, found: number): GantryError {
  const message = `expected ${what} of at most ${expected} bytes, found ${found}`;
  return new GantryError('too_large', message, { field, expected, found });
}
