import { GantryError } from '../../shared/base/error.ts';
import { limits } from '../../shared/base/limits/index.ts';
import type { PageQuery } from '../../shared/contract/http/index.ts';

/** Returns the cursor of the page after a sort key. Callers treat it as opaque. */
export function cursorOf(sortKey: string): string {
  return Buffer.from(sortKey).toString('base64url');
}

/** Returns the sort key of a cursor, '' without one. @throws GantryError `invalid_cursor` */
export function sortKeyOf(cursor: string | undefined): string {
  if (cursor === undefined) return '';

  const sortKey = Buffer.from(cursor, 'base64url').toString();
  if (sortKey === '' || cursorOf(sortKey) !== cursor) {
    throw new GantryError(
      'invalid_cursor',
      'expected the next_cursor of an earlier page, found another text',
      {
        field: 'cursor',
      },
    );
  }

  return sortKey;
}

/**
 * Reads a page from the store. It reads one item more, which shows whether there is a next page.
 * @param keep selects rows. Where it selects few, a page ends early, with a cursor to go on from.
 */
export async function storePage<T>(
  query: PageQuery,
  read: (limit: number, after: string) => Promise<T[]>,
  keyOf: (item: T) => string,
  keep: (item: T) => boolean = () => true,
): Promise<{ items: T[]; next_cursor: string | null }> {
  const found: T[] = [];
  let after = sortKeyOf(query.cursor);

  for (let rows = 0; rows < limits.filteredRowsMax; ) {
    const part = await read(query.limit + 1, after);
    found.push(...part.filter(keep));
    const last = part.at(-1);

    if (found.length > query.limit || last === undefined || part.length <= query.limit)
      return slicePage(found, Math.min(query.limit, countFitting(found)), keyOf);
    rows += part.length;
    after = keyOf(last);
  }

  const fitting = countFitting(found);
  return fitting < found.length
    ? slicePage(found, fitting, keyOf)
    : { items: found, next_cursor: cursorOf(after) };
}

/**
 * Works on the items of a page one after the other, on one at least, until `workMs` are over. The
 * items that are left begin the next page.
 */
export async function workPage<T, Result>(
  page: { items: T[]; next_cursor: string | null },
  work: (item: T) => Promise<Result>,
  { keyOf, workMs, now }: { keyOf: (item: T) => string; workMs: number; now: () => Date },
): Promise<{ items: Result[]; next_cursor: string | null }> {
  const until = now().getTime() + workMs;
  const items: Result[] = [];

  for (const item of page.items) {
    items.push(await work(item));
    const left = items.length < page.items.length;
    if (left && now().getTime() > until) return { items, next_cursor: cursorOf(keyOf(item)) };
  }

  return { items, next_cursor: page.next_cursor };
}

/**
 * Counts the items that fit in a response, at least one. The manifest of a version can be hundreds
 * of kilobytes long.
 */
function countFitting(items: readonly unknown[]): number {
  let bytes = 0;
  const over = items.findIndex((item) => {
    bytes += Buffer.byteLength(JSON.stringify(item));
    return bytes > limits.pageBytesMax;
  });

  return over === -1 ? items.length : Math.max(1, over);
}

/** Returns a page of a short list that was read completely. */
export function listPage<T>(
  query: PageQuery,
  keyOf: (item: T) => string,
  all: readonly T[],
): { items: T[]; next_cursor: string | null } {
  const after = sortKeyOf(query.cursor);
  const start = after === '' ? 0 : all.findIndex((item) => keyOf(item) === after) + 1;
  // If the item of the cursor was deleted, end the list: starting again would repeat items.
  if (after !== '' && start === 0) return { items: [], next_cursor: null };
  return slicePage(all.slice(start), query.limit, keyOf);
}

function slicePage<T>(items: T[], limit: number, keyOf: (item: T) => string) {
  const page = items.slice(0, limit);
  const last = page.at(-1);
  return {
    items: page,
    next_cursor: items.length > limit && last !== undefined ? cursorOf(keyOf(last)) : null,
  };
}
