import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import type { PageQuery } from '../../shared/contract/http/index.ts';

/** The place in a list after which a page begins: the last sort key of the page before, opaque to callers. */
export function cursorOf(sortKey: string): string {
  return Buffer.from(sortKey).toString('base64url');
}

/** The sort key in a cursor, '' without one. Fails with `invalid_cursor`. */
export function sortKeyOf(cursor: string | undefined): string {
  if (cursor === undefined) return '';
  const sortKey = Buffer.from(cursor, 'base64url').toString();
  if (sortKey === '' || cursorOf(sortKey) !== cursor) {
    throw new GantryError('invalid_cursor', 'expected a next_cursor of an earlier page', {
      field: 'cursor',
    });
  }
  return sortKey;
}

/** A page of a list that the store cuts; it is asked for one item more, which tells whether there is a next page. */
export async function storePage<T>(
  query: PageQuery,
  read: (limit: number, after: string) => Promise<T[]>,
  keyOf: (item: T) => string,
): Promise<{ items: T[]; next_cursor: string | null }> {
  const found = await read(query.limit + 1, sortKeyOf(query.cursor));
  return cut(found, Math.min(query.limit, fitting(found)), keyOf);
}

/** How many of the items, one at least, an answer holds: a version's manifest alone may take hundreds of kilobytes. */
function fitting(items: readonly unknown[]): number {
  let bytes = 0;
  const over = items.findIndex((item) => {
    bytes += Buffer.byteLength(JSON.stringify(item));
    return bytes > limits.pageBytesMax;
  });
  return over === -1 ? items.length : Math.max(1, over);
}

/** A page of a short list that was read whole, in its own order. */
export function listPage<T>(
  query: PageQuery,
  keyOf: (item: T) => string,
  all: readonly T[],
): { items: T[]; next_cursor: string | null } {
  const after = sortKeyOf(query.cursor);
  const start = after === '' ? 0 : all.findIndex((item) => keyOf(item) === after) + 1;
  // The item that the cursor names may be gone since; a list that begins anew would repeat, so it ends instead.
  if (after !== '' && start === 0) return { items: [], next_cursor: null };
  return cut(all.slice(start), query.limit, keyOf);
}

function cut<T>(items: T[], limit: number, keyOf: (item: T) => string) {
  const page = items.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page,
    next_cursor: items.length > limit && last !== undefined ? cursorOf(keyOf(last)) : null,
  };
}
