import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cursorOf,
  listPage,
  sortKeyOf,
  storePage,
  workPage,
} from '../../../../functions/api/paging.ts';
import type { GantryError } from '../../../../shared/base/error.ts';
import { limits } from '../../../../shared/base/limits/index.ts';

const names = fc.uniqueArray(fc.string({ minLength: 1, unit: 'grapheme' }), { maxLength: 40 });
const limit = fc.integer({ min: 1, max: 12 });
const self = (name: string) => name;

async function walk(
  page: (cursor: string | undefined) => Promise<{ items: string[]; next_cursor: string | null }>,
) {
  const seen: string[][] = [];
  let cursor: string | undefined;
  do {
    const { items, next_cursor } = await page(cursor);
    seen.push(items);
    cursor = next_cursor ?? undefined;
  } while (cursor !== undefined);

  return seen;
}

describe('pages', () => {
  it('of a list come to the list, none larger than asked', async () => {
    await fc.assert(
      fc.asyncProperty(names, limit, async (all, limit) => {
        const pages = await walk(async (cursor) =>
          listPage({ limit, ...(cursor ? { cursor } : {}) }, self, all),
        );
        expect(pages.flat()).toEqual(all);
        expect(pages.every((page) => page.length <= limit)).toBe(true);
      }),
    );
  });

  it('of the store come to what is stored, none larger than asked', async () => {
    await fc.assert(
      fc.asyncProperty(names, limit, async (unsorted, limit) => {
        const all = unsorted.toSorted();
        const read = async (count: number, after: string) =>
          all.filter((name) => name > after).slice(0, count);
        const pages = await walk((cursor) =>
          storePage({ limit, ...(cursor ? { cursor } : {}) }, read, self),
        );

        expect(pages.flat()).toEqual(all);
        expect(pages.every((page) => page.length <= limit)).toBe(true);
      }),
    );
  });

  it.each([
    ['ends when its time is over', 1000, ['a', 'b'], 'b'],
    ['has one item at least', 0, ['a'], 'a'],
    ['has all items if time is left', 10_000, ['a', 'b', 'c'], 'd'],
  ])('that takes work %s', async (_, workMs, expected, next) => {
    let passed = 0;
    const now = () => new Date(passed);
    const work = async (name: string) => {
      passed += 600;
      return name;
    };

    const page = { items: ['a', 'b', 'c'], next_cursor: cursorOf('d') };
    expect(await workPage(page, work, { keyOf: self, workMs, now })).toEqual({
      items: expected,
      next_cursor: cursorOf(next),
    });
  });

  it('of large items hold fewer, but one at least', async () => {
    const all = ['a', 'b', 'c', 'd'].map((name) => name.repeat(limits.pageBytesMax / 2 - 10));
    all.push('e'.repeat(limits.pageBytesMax + 1));

    const read = async (count: number, after: string) =>
      all.filter((name) => name > after).slice(0, count);
    // The first letter stands for all.
    const keyOf = (name: string) => `${name[0]}~`;
    const pages = await walk((cursor) =>
      storePage({ limit: 10, ...(cursor ? { cursor } : {}) }, read, keyOf),
    );

    expect(pages.map((page) => page.map(([letter]) => letter))).toEqual([
      ['a', 'b'],
      ['c', 'd'],
      ['e'],
    ]);
  });

  it('after an item that no longer exists end and do not start again', () => {
    expect(listPage({ limit: 2, cursor: cursorOf('gone') }, self, ['a', 'b'])).toEqual({
      items: [],
      next_cursor: null,
    });
  });
});

it.each(['', '!', 'YQ==', 'YR'])('%j is no cursor', (cursor) => {
  expect(() => sortKeyOf(cursor)).toThrow(
    expect.objectContaining({ code: 'invalid_cursor' }) as GantryError,
  );
});

it('a filtered list reads on until a page is full', async () => {
  const names = Array.from({ length: 10 }, (_, i) => `m${i}`);
  const read = async (limit: number, after: string) =>
    names.filter((one) => one > after).slice(0, limit);
  const even = (one: string) => Number(one.slice(1)) % 2 === 0;

  const first = await storePage({ limit: 2 }, read, (one) => one, even);
  expect(first.items).toEqual(['m0', 'm2']);

  const cursor = first.next_cursor ?? '';
  const rest = await storePage({ limit: 5, cursor }, read, (one) => one, even);
  expect(rest).toEqual({ items: ['m4', 'm6', 'm8'], next_cursor: null });
});

it('a filtered list that finds nothing in many rows ends its page, with a cursor', async () => {
  const limit = 1000;
  let reads = 0;
  const read = async (count: number) => {
    reads += 1;
    return Array.from({ length: count }, () => `row${reads}`);
  };

  const page = await storePage(
    { limit },
    read,
    (one) => one,
    () => false,
  );
  expect(page).toEqual({ items: [], next_cursor: expect.any(String) });
  expect(reads).toBe(Math.ceil(limits.filteredRowsMax / (limit + 1)));
});
