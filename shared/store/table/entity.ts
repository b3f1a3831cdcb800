import type { FieldsOf } from './attributes.ts';
import type { primary } from './electro.ts';
import { readsOf } from './reads.ts';
import { type Definition, Rows } from './rows.ts';
import { writesOf } from './writes.ts';

/**
 * A noun in the table: `entity<Module>()({ name, attributes, key, lists, … })`. Its methods take
 * and return the noun's type; nothing else reads or writes its rows.
 */
export function entity<Noun extends object>() {
  return <const D extends Definition<Noun>>(definition: D) => {
    const rows = new Rows<Noun>(definition);
    const writes = writesOf<Noun, KeyOf<Noun, D>>(rows) as WritesOf<Noun, D>;
    return { ...readsOf<Noun, KeyOf<Noun, D>, ListsOf<Noun, D>>(rows), ...writes };
  };
}

type Writes<Noun, Key extends object> = ReturnType<typeof writesOf<Noun, Key>>;

/**
 * An entity with upgrades has no writes of single fields. Such a write would leave a row in its
 * older schema, whose upgrade then replaces the field; and `update` writes such rows whole, so it
 * would undo an `adjust` that does not count the revision.
 */
type WritesOf<Noun, D extends Definition<Noun>> = D extends { upgrades: object }
  ? Omit<Writes<Noun, KeyOf<Noun, D>>, 'adjust' | 'updateWhere'>
  : Writes<Noun, KeyOf<Noun, D>>;

/** The fields that the key of a row is made of; its shard follows from them. */
type KeyOf<Noun, D extends Definition<Noun>> = Pick<
  Noun,
  (FieldsOf<D['key']['pk']> | FieldsOf<D['key']['sk']>) & keyof Noun
>;

/**
 * The fields that name a partition of each list. `primary` is the partition of the table itself.
 */
type ListsOf<Noun, D extends Definition<Noun>> = {
  [List in keyof TemplatesOf<Noun, D> & string]: PartitionOf<Noun, TemplatesOf<Noun, D>[List]>;
};

type TemplatesOf<Noun, D extends Definition<Noun>> = Record<typeof primary, D['key']['pk']> & {
  [List in keyof NonNullable<D['lists']> & string]: NonNullable<D['lists']>[List] extends {
    pk: infer Pk;
  }
    ? Pk
    : never;
};

/**
 * Derived fields are text; shards are read one after the other or together, so that nobody names
 * one.
 */
type PartitionOf<Noun, Pk> = Pk extends string
  ? Pick<Noun, FieldsOf<Pk> & keyof Noun> &
      Record<Exclude<FieldsOf<Pk>, keyof Noun | 'shard'>, string>
  : never;
