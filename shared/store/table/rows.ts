import { GantryError } from '../../base/error.ts';
import { type Attributes, fieldsOf, type Kind, type Row } from './attributes.ts';
import { type Bounds, boundsOf, requireBounds, requireKeys } from './bounds.ts';
import { type Electro, electroEntity, type KeyTemplates, primary } from './electro.ts';
import { shardOf } from './query.ts';

/** How a noun is stored. */
export interface Definition<Noun> {
  readonly name: string;
  readonly attributes: Attributes<Noun>;
  /** Attributes that keys need, computed from the noun. */
  readonly derived?: Readonly<Record<string, Derived<Noun>>>;
  /**
   * For `${shard}` in a key: the list is spread over `count` partitions by the name that `of` gives
   * a row.
   */
  readonly shards?: { readonly count: number; readonly of: (noun: Noun) => string };
  readonly key: KeyTemplates;
  readonly lists?: Readonly<Record<string, KeyTemplates & { readonly index: 'gsi1' | 'gsi2' }>>;
  /**
   * The nth turns a row of schema n into one of schema n + 1. Rows are written in the newest
   * schema.
   */
  readonly upgrades?: readonly ((row: Row) => Row)[];
}

interface Derived<Noun> {
  readonly kind: 'text' | 'number';
  readonly of: (noun: Noun) => string | number;
}

/** Turns a noun into what is stored of it, and back. */
export class Rows<Noun> {
  readonly name: string;
  readonly electro: Electro;
  readonly kinds: Readonly<Record<string, Kind>>;
  readonly #definition: Definition<Noun>;
  readonly #bounds: Bounds;
  readonly #schema: number;

  constructor(definition: Definition<Noun>) {
    const { name, attributes, derived = {}, shards, key, lists = {}, upgrades = [] } = definition;
    this.name = name;
    this.#definition = definition;
    this.#schema = upgrades.length + 1;
    this.kinds = attributes;
    this.#bounds = boundsOf(name, attributes);

    const stored: Record<string, Kind> = { ...this.kinds, schema: 'number' };
    for (const [field, { kind }] of Object.entries(derived)) stored[field] = kind;
    if (shards !== undefined) stored.shard = 'number';
    this.electro = electroEntity({ name, attributes: stored, key, lists });
  }

  /** An older row is upgraded from all of its fields, so it must be read whole. */
  get hasUpgrades(): boolean {
    return this.#schema > 1;
  }

  /** Everything that is stored of a noun, except the key attributes that ElectroDB adds. */
  stored(noun: Noun): Row {
    const { derived = {} } = this.#definition;
    const computed = Object.entries(derived).map(([field, { of }]) => [field, of(noun)]);

    return {
      ...noun,
      ...Object.fromEntries(computed),
      ...this.#shard(noun),
      schema: this.#schema,
    };
  }

  /**
   * What is stored of a noun that is written whole.
   * @throws GantryError `too_large`
   */
  storable(noun: Noun): Row {
    const { key, lists = {} } = this.#definition;
    const row = this.stored(noun);
    this.requireFits(row);
    requireKeys(this.name, [key, ...Object.values(lists)], row);
    return row;
  }

  /** @throws GantryError `too_large` for a field beyond its bound */
  requireFits(fields: Row): void {
    requireBounds(this.name, this.#bounds, fields);
  }

  /** The key of a row, from its key fields. */
  key(fields: object): Row {
    const { pk, sk } = this.#definition.key;
    const row = { ...fields, ...(pk.includes('${shard}') ? this.#shard(fields as Noun) : {}) };
    return pick(row, [...fieldsOf(pk), ...fieldsOf(sk)]);
  }

  /**
   * What a change of some fields writes: these, and all that the keys are made of which depend on
   * them. Of a row that may have been upgraded it writes everything.
   */
  changed(fields: readonly string[], next: Noun): Row {
    const { derived = {}, lists = {}, upgrades = [], key } = this.#definition;
    const row = this.stored(next);
    const computed = [...Object.keys(derived), ...Object.keys(this.#shard(next))];
    const written = new Set([...fields, ...computed, 'schema']);

    for (const { pk, sk } of Object.values(lists)) {
      const made = [...fieldsOf(pk), ...fieldsOf(sk)];
      if (made.some((field) => written.has(field))) for (const field of made) written.add(field);
    }

    if (upgrades.length > 0) for (const field of Object.keys(row)) written.add(field);
    for (const field of [...fieldsOf(key.pk), ...fieldsOf(key.sk)]) written.delete(field);
    const changed = pick(row, [...written]);
    this.requireFits(changed);
    return changed;
  }

  /**
   * The noun in an item, or some fields of it.
   * @throws `schema_unknown` for a row that a newer release wrote, `internal` for one that is not
   * whole
   */
  parse<Part = Noun>(item: Row, fields?: readonly string[]): Part {
    const { name, upgrades = [] } = this.#definition;
    const { schema } = item;

    if (typeof schema !== 'number' || schema < 1 || schema > this.#schema) {
      throw new GantryError(
        'schema_unknown',
        `expected a ${name} of schema ${this.#schema} at most, found ${schema}`,
        { expected: this.#schema, found: schema },
      );
    }

    const Item = upgrades.slice(schema - 1).reduce((row, upgrade) => upgrade(row), item);
    const { data } = this.electro.parse({ Item });
    const wanted = fields ?? Object.keys(this.kinds);
    const wrong = wanted.find((field) => !isOfKind(data?.[field], this.kinds[field] ?? 'optional'));
    if (data === null || wrong !== undefined) {
      throw new GantryError('internal', `expected a ${name} with ${wrong ?? 'its key'}`);
    }

    // Its fields were just checked against the attributes, which the definition ties to the noun's
    // type.
    return pick(data, wanted) as Part;
  }

  templates(list: string): KeyTemplates {
    const { key, lists = {} } = this.#definition;
    const templates = list === primary ? key : lists[list];
    if (templates === undefined) throw new Error(`there is no list ${list}`);
    return templates;
  }

  /** The partitions of a list: one, or as many as there are shards. */
  partitions(list: string, partition: object): Row[] {
    const { shards } = this.#definition;
    const fields = fieldsOf(this.templates(list).pk);
    const named = pick({ ...partition }, fields);
    if (shards === undefined || !fields.includes('shard')) return [named];

    return Array.from({ length: shards.count }, (_, shard) => ({ ...named, shard }));
  }

  #shard(noun: Noun): Row {
    const { shards } = this.#definition;
    return shards === undefined ? {} : { shard: shardOf(shards.of(noun), shards.count) };
  }
}

function pick(row: Row, fields: readonly string[]): Row {
  const present = fields.filter((field) => row[field] !== undefined);
  return Object.fromEntries(present.map((field) => [field, row[field]]));
}

const typeNames = { text: 'string', number: 'number', flag: 'boolean' } as const;

function isOfKind(value: unknown, kind: Kind): boolean {
  if (kind === 'optional') return true;
  return kind === 'json' ? value !== undefined : typeof value === typeNames[kind];
}
