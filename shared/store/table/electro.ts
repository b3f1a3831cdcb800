import { Entity } from 'electrodb';
import { fieldsOf, type Kind, type Row } from './attributes.ts';
import type { Operations, Path } from './condition.ts';
import type { QueryParams } from './query.ts';
import type { DeleteParams, PutParams, UpdateParams } from './write.ts';

/**
 * Templates of a partition key and a sort key. Case is kept, because names and tags are
 * case-sensitive.
 */
export interface KeyTemplates {
  readonly pk: string;
  readonly sk: string;
}

/** Parameters that take a condition. */
export interface Conditional<Params> {
  where(build: (paths: Path, operations: Operations) => string): Conditional<Params>;
  params(): Params;
}

interface Changes {
  set(path: Path | undefined, value: unknown): void;
  add(path: Path | undefined, value: number): void;
  remove(path: Path | undefined): void;
}

export interface Query {
  gt(sortKey: Row): Query;
  lt(sortKey: Row): Query;
  lte(sortKey: Row): Query;
  begins(sortKey: Row): Query;
  params(options?: { attributes: string[] }): QueryParams;
}

/**
 * What this layer uses of an ElectroDB entity: it makes parameters, and tells whose row an item is.
 */
export interface Electro {
  get(key: Row): { params(): { Key: Row } };
  create(row: Row): { params(): PutParams };
  put(row: Row): Conditional<PutParams>;
  patch(key: Row): {
    data(change: (paths: Path, changes: Changes) => void): Conditional<UpdateParams>;
  };
  delete(key: Row): Conditional<DeleteParams>;
  query: Readonly<Record<string, ((partition: Row) => Query) | undefined>>;
  parse(response: { Item: Row }): { data: Row | null };
}

/** The name of the partition of the table itself, among the lists of an entity. */
export const primary = 'primary';

const types = {
  text: { type: 'string', required: true },
  number: { type: 'number', required: true },
  flag: { type: 'boolean', required: true },
  // Not `required`, which would forbid to remove an entry of a map; `Rows.parse` holds rows to it.
  json: { type: 'any' },
  optional: { type: 'any' },
} as const;

interface Stored {
  name: string;
  attributes: Readonly<Record<string, Kind>>;
  key: KeyTemplates;
  lists: Readonly<Record<string, KeyTemplates & { index: string }>>;
}

/** An ElectroDB entity of these attributes, keys and lists. */
export function electroEntity({ name, attributes, key, lists }: Stored): Electro {
  const schema = {
    model: { entity: name, version: '1', service: 'gantry' },
    attributes: Object.fromEntries(
      Object.entries(attributes).map(([field, kind]) => [field, types[kind]]),
    ),
    indexes: {
      [primary]: keysIn('', key),
      ...Object.fromEntries(
        Object.entries(lists).map(([list, { index, ...keys }]) => [
          list,
          { index, ...keysIn(index, keys) },
        ]),
      ),
    },
  };

  // The one place that leaves ElectroDB's types: it infers them from a literal schema, and this one
  // is put together from a definition. `Electro` states what is used; `Entity` in entity.ts types
  // it by the noun.
  const entity: unknown = new Entity(schema, { table: 'table' });
  return entity as Electro;
}

/** The key attributes of the table, or of one of its indexes. */
function keysIn(index: string, { pk, sk }: KeyTemplates) {
  const part = (field: string, template: string) => ({
    field: `${index}${field}`,
    composite: fieldsOf(template),
    template,
    casing: 'none' as const,
  });
  return { pk: part('pk', pk), sk: part('sk', sk) };
}
