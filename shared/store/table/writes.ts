import { GantryError } from '../../base/error.ts';
import type { Row } from './attributes.ts';
import { type Condition, expressionOf } from './condition.ts';
import type { Conditional } from './electro.ts';
import type { Rows } from './rows.ts';
import { raced, type Write } from './write.ts';

/** A row whose changes are counted: a change says which revision was read. */
export interface Revised {
  revision: number;
}

/** A noun before it is stored. */
export type Draft<Noun> = Omit<Noun, 'revision'>;

/** One atomic update of numbers and of entries of maps. */
export interface Adjustment<Noun> {
  set?: Partial<Noun>;
  add?: { [Field in keyof Noun]?: number };
  putEntries?: { [Field in keyof Noun]?: Row };
  dropEntries?: { [Field in keyof Noun]?: readonly string[] };
}

type Refuse = () => GantryError;

/**
 * What a write of the revision that was read states besides, and the error of a condition that
 * fails.
 */
interface Besides<Noun> {
  where?: Condition<Noun>;
  refuse?: Refuse;
}

/**
 * The methods of an entity that make writes, which `transact` does together.
 *
 * `update`, `replace` and `remove` state the revision that was read, so of two writers one gets the
 * error. The methods in `…Where` state another condition instead: an invariant, which holds no
 * matter who wrote last.
 */
export function writesOf<Noun, Key extends object>(rows: Rows<Noun>) {
  const { electro } = rows;

  const patch = (key: object, change: Adjustment<Noun>) => {
    rows.requireFits({ ...change.set });
    return electro.patch(rows.key(key)).data((paths, { set, add, remove }) => {
      for (const [field, value] of entries(change.set)) set(paths[field], value);
      for (const [field, by] of entries(change.add)) add(paths[field], Number(by));

      const put = entries<Row>(change.putEntries).flatMap(([field, added]) =>
        entries(added).map(([name, value]) => [paths[field]?.[name], value] as const),
      );
      for (const [path, value] of put) set(path, value);

      const dropped = entries<readonly string[]>(change.dropEntries).flatMap(([field, names]) =>
        names.map((name) => paths[field]?.[name]),
      );
      for (const path of dropped) remove(path);
    });
  };

  return {
    /** Writes a row that must not exist yet. */
    create(noun: Draft<Noun>, refuse: Refuse = raced): Write {
      const first = { ...noun, ...('revision' in rows.kinds ? { revision: 1 } : {}) };
      return { item: { Put: electro.create(rows.storable(first as Noun)).params() }, refuse };
    },

    /**
     * Writes a row whole, over one that may exist, if that one or its absence meets the condition.
     */
    put(noun: Noun, condition: Condition<Noun> = {}, refuse: Refuse = raced): Write {
      return { item: { Put: where(electro.put(rows.storable(noun)), condition).params() }, refuse };
    },

    /**
     * Writes a row whole as the next revision of the one that was read; revision 0 means that none
     * existed.
     */
    replace(noun: Noun & Revised, refuse: Refuse = raced): Write {
      const { revision } = noun;
      const put = electro
        .put(rows.storable({ ...noun, revision: revision + 1 }))
        .where((paths, { eq, notExists }) =>
          revision === 0 ? notExists(paths.revision) : eq(paths.revision, revision),
        );

      return { item: { Put: put.params() }, refuse };
    },

    /** Changes a row that still has the revision which was read. */
    update(was: Noun & Revised, set: Partial<Draft<Noun>>, besides: Besides<Noun> = {}): Write {
      const next = { ...was, ...set, revision: was.revision + 1 };
      const changed = rows.changed([...Object.keys(set), 'revision'], next);

      const update = electro
        .patch(rows.key(next))
        .data((paths, change) => {
          for (const [field, value] of entries(changed)) change.set(paths[field], value);
        })
        .where((paths, { eq }) => eq(paths.revision, was.revision));

      const { where: condition = {}, refuse = raced } = besides;
      return { item: { Update: where(update, condition).params() }, refuse };
    },

    /**
     * Changes a row that exists and meets the condition; not the fields that its keys are made of.
     */
    updateWhere(
      key: Key,
      condition: Condition<Noun>,
      set: Partial<Draft<Noun>>,
      refuse: Refuse = raced,
    ): Write {
      const counted = 'revision' in rows.kinds ? { revision: 1 } : {};
      const change = { set, add: counted } as Adjustment<Noun>;
      return { item: { Update: where(patch(key, change), condition).params() }, refuse };
    },

    /**
     * Changes a row that exists and meets the condition, in one atomic update that does not count
     * the revision: for observations and sums, which no other writer of the row decides by.
     */
    adjust(
      key: Key,
      change: Adjustment<Noun>,
      condition: Condition<Noun> = {},
      refuse: Refuse = raced,
    ): Write {
      return { item: { Update: where(patch(key, change), condition).params() }, refuse };
    },

    /** Writes nothing, and lets the transaction through only while the row meets the condition. */
    hold(key: Key, condition: Condition<Noun>, refuse: Refuse = raced): Write {
      if (isEmpty(condition)) throw emptyConditionError();
      const { ConditionExpression = '', ...check } = where(
        electro.delete(rows.key(key)),
        condition,
      ).params();
      return { item: { ConditionCheck: { ...check, ConditionExpression } }, refuse };
    },

    /** Removes a row that still has the revision which was read. */
    remove(
      was: Noun & Revised,
      { where: condition = {}, refuse = raced }: Besides<Noun> = {},
    ): Write {
      const gone = electro
        .delete(rows.key(was))
        .where((paths, { eq }) => eq(paths.revision, was.revision));
      return { item: { Delete: where(gone, condition).params() }, refuse };
    },

    /** Removes a row that meets the condition; without one, whether it exists or not. */
    removeWhere(key: Key, condition: Condition<Noun> = {}, refuse: Refuse = raced): Write {
      const gone = where(electro.delete(rows.key(key)), condition);
      return { item: { Delete: gone.params() }, refuse };
    },
  };
}

function where<Params, Noun>(
  params: Conditional<Params>,
  condition: Condition<Noun>,
): Conditional<Params> {
  if (isEmpty(condition) && !Array.isArray(condition)) return params;

  // An empty list of alternatives is never met; as a missing condition it always would be.
  const terms: readonly object[] = Array.isArray(condition) ? condition : [condition];
  const wrong = terms.some((term) => isEmpty(term) || Object.values(term).includes(undefined));
  if (terms.length === 0 || wrong) throw emptyConditionError();

  return params.where((paths, operations) => expressionOf(condition, paths, operations));
}

function isEmpty(condition: object): boolean {
  return Object.keys(condition).length === 0;
}

function emptyConditionError(): GantryError {
  return new GantryError('internal', 'expected a condition of a write, found an empty one');
}

function entries<Value = unknown>(of: object | undefined): [string, Value][] {
  return Object.entries(of ?? {});
}
