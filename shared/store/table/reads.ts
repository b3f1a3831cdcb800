import { GantryError } from '../../base/error.ts';
import { fieldsOf, fill, type Row } from './attributes.ts';
import type { Query } from './electro.ts';
import { firstItems, pages, type QueryParams, readItem, readItems } from './query.ts';
import type { Rows } from './rows.ts';
import type { Db } from './write.ts';

/** The part of a list that is read, in the order of its sort key. */
export interface Range {
  /** The cursor of the page before, or what `place` gives; '' and undefined for the start. */
  after?: string | undefined;
  /** Only rows whose sort key is at most this one. */
  upTo?: string;
  /** Only rows whose sort key begins so. */
  begins?: string;
  newestFirst?: boolean;
}

export interface Page<Noun> {
  rows: Noun[];
  /** Where the next page begins; null after the last one. */
  cursor: string | null;
}

/**
 * The methods of an entity that read. `Lists` has the fields that name a partition of each list.
 */
export function readsOf<Noun, Key extends object, Lists extends Record<string, object>>(
  rows: Rows<Noun>,
) {
  type List = keyof Lists & string;

  const keyOf = (key: Key) => rows.electro.get(rows.key(key)).params().Key;
  const parse = (item: Row) => rows.parse(item);
  /** The nouns in items. One that cannot be read is reported and left out, where somebody looks. */
  function readable(db: Db, items: readonly Row[]): Noun[] {
    return items.flatMap((item) => {
      try {
        return [parse(item)];
      } catch (error) {
        if (db.skipped === undefined) throw error;
        db.skipped({ name: rows.name, pk: item.pk, sk: item.sk, error: error as Error });
        return [];
      }
    });
  }

  const queries = (list: string, partition: object, range: Range, fields?: readonly string[]) =>
    rows.partitions(list, partition).map((part) => queryOf(rows, { list, part, range, fields }));

  /** Where a row stands in a list, as a cursor says it. */
  function place(list: List, noun: Noun): string {
    const { sk } = rows.templates(list);
    return fill(sk.replace(/^[^$]*/, ''), rows.stored(noun));
  }

  /** Reads a list to its end, shard by shard, without holding it in memory. */
  async function* each<L extends List>(
    db: Db,
    list: L,
    partition: Lists[L],
    range: Range = {},
  ): AsyncGenerator<Noun> {
    for (const params of queries(list, partition, range)) {
      for await (const page of pages(db, params, range.newestFirst)) yield* page.map(parse);
    }
  }

  return {
    /** Reads a row, strongly consistent. */
    async get(db: Db, key: Key): Promise<Noun | null> {
      const item = await readItem(db, keyOf(key));
      return item === undefined ? null : parse(item);
    },

    /** Reads rows, strongly consistent, in no order; missing ones are left out. */
    async many(db: Db, keys: readonly Key[]): Promise<Noun[]> {
      return (await readItems(db, keys.map(keyOf))).map(parse);
    },

    /** Reads a page of a list, merged from its shards. Indexes are eventually consistent. */
    async list<L extends List>(
      db: Db,
      list: L,
      partition: Lists[L],
      { limit, ...range }: Range & { limit: number },
    ): Promise<Page<Noun>> {
      const shards = queries(list, partition, range);
      const read = (params: QueryParams) => firstItems(db, params, limit + 1, range.newestFirst);
      const found = (await Promise.all(shards.map(read))).flat().map((item) => {
        const noun = parse(item);
        return { noun, place: place(list, noun) };
      });

      const order = range.newestFirst === true ? -1 : 1;
      if (shards.length > 1) found.sort((a, b) => (a.place < b.place ? -order : order));
      const page = found.slice(0, limit);
      const last = page.at(-1);

      return {
        rows: page.map(({ noun }) => noun),
        cursor: found.length > limit && last !== undefined ? last.place : null,
      };
    },

    each,

    /**
     * Reads a platform-wide list to its end, as `each` does. A row that cannot be read is skipped:
     * one account's row must not stop the work of all others.
     */
    async *eachReadable<L extends List>(
      db: Db,
      list: L,
      partition: Lists[L],
    ): AsyncGenerator<Noun> {
      for (const params of queries(list, partition, {})) {
        for await (const page of pages(db, params)) yield* readable(db, page);
      }
    },

    /**
     * Reads the next rows of a list shard after shard, without the cost of merging them.
     * @param place the cursor of the part before, '' to begin
     * @throws `invalid_cursor` where `place` is no cursor of this list
     */
    async walk<L extends List>(
      db: Db,
      list: L,
      partition: Lists[L],
      { limit, place: start }: { limit: number; place: string },
    ): Promise<Page<Noun>> {
      const shards = rows.partitions(list, partition);
      const found: Noun[] = [];
      let { shard, after } = walkedTo(start, shards.length);

      for (; shard < shards.length; shard++, after = '') {
        const range = { after };
        const params = queryOf(rows, { list, part: shards[shard] ?? {}, range });

        found.push(...(await firstItems(db, params, limit - found.length)).map(parse));
        const last = found.at(-1);
        if (found.length === limit && last !== undefined)
          return { rows: found, cursor: `${shard}#${place(list, last)}` };
      }

      return { rows: found, cursor: null };
    },

    /** Reads a list to its end into memory, all shards concurrently. */
    async all<L extends List>(
      db: Db,
      list: L,
      partition: Lists[L],
      range: Range = {},
    ): Promise<Noun[]> {
      const read = async (params: QueryParams) =>
        (await Array.fromAsync(pages(db, params, range.newestFirst))).flat().map(parse);
      return (await Promise.all(queries(list, partition, range).map(read))).flat();
    },

    /** Reads some fields of every row of a list. */
    async *eachOf<L extends List, Field extends keyof Noun & string>(
      db: Db,
      list: L,
      partition: Lists[L],
      fields: readonly Field[],
    ): AsyncGenerator<Pick<Noun, Field>> {
      for (const params of queries(list, partition, {}, fields)) {
        for await (const page of pages(db, params)) {
          for (const item of page) yield rows.parse<Pick<Noun, Field>>(item, fields);
        }
      }
    },

    /**
     * Reads what a platform-wide list has up to a place: at most `limit` rows in all, and from each
     * shard its share of them. Rows that cannot be read are skipped, and take no other row's place.
     */
    async due<L extends List>(
      db: Db,
      list: L,
      partition: Lists[L],
      { upTo, limit }: { upTo: string; limit: number },
    ): Promise<Noun[]> {
      const shards = queries(list, partition, { upTo });
      const share = Math.ceil(limit / shards.length);
      const read = async (params: QueryParams) => {
        const found: Noun[] = [];
        for await (const page of pages(db, params, false, share)) {
          found.push(...readable(db, page));
          if (found.length >= share) break;
        }
        return found.slice(0, share);
      };

      return (await Promise.all(shards.map(read))).flat();
    },

    place,
  };
}

function walkedTo(place: string, shards: number): { shard: number; after: string } {
  if (place === '') return { shard: 0, after: '' };

  const [, digits, after] = /^(\d)#(.+)$/.exec(place) ?? [];
  if (after !== undefined && Number(digits) < shards) return { shard: Number(digits), after };

  throw new GantryError('invalid_cursor', 'expected a next_cursor of an earlier page', {
    field: 'cursor',
  });
}

interface Asked {
  list: string;
  part: Row;
  range: Range;
  fields?: readonly string[] | undefined;
}

function queryOf<Noun>(rows: Rows<Noun>, { list, part, range, fields }: Asked): QueryParams {
  const start = rows.electro.query[list];
  if (start === undefined) throw new Error(`there is no list ${list}`);

  const query = limitRange(start(part), rows.templates(list).sk, range);
  return fields === undefined || rows.hasUpgrades
    ? query.params()
    : query.params({ attributes: [...fields, 'schema'] });
}

/**
 * ElectroDB makes a sort key of its leading fields, so a whole place may stand in the first one.
 */
function limitRange(query: Query, template: string, range: Range): Query {
  const [field] = fieldsOf(template);
  if (field === undefined) return query;

  const { after = '', upTo, begins, newestFirst } = range;
  if (begins !== undefined) return query.begins({ [field]: begins });
  if (upTo !== undefined) return query.lte({ [field]: upTo });
  if (after === '') return query;

  return newestFirst === true ? query.lt({ [field]: after }) : query.gt({ [field]: after });
}
