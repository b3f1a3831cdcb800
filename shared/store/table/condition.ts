/** A path to a stored attribute, or to an entry of one that is a map. */
export interface Path {
  readonly [entry: string]: Path;
}

/** The operations that ElectroDB offers in a condition; each returns a piece of the expression. */
export interface Operations {
  eq(path: Path | undefined, value: unknown): string;
  lt(path: Path | undefined, value: unknown): string;
  lte(path: Path | undefined, value: unknown): string;
  between(path: Path | undefined, low: unknown, high: unknown): string;
  exists(path: Path | undefined): string;
  notExists(path: Path | undefined): string;
  size(path: Path | undefined): string;
  value(path: Path | undefined, value: unknown): string;
}

/** A test of one attribute that is not equality. */
export type Test = (path: Path | undefined, operations: Operations) => string;

/** Fields that must all hold: each equals its value, or passes its test. */
export type Term<Noun> = { readonly [Field in keyof Noun]?: Noun[Field] | Test };

/** What must be true of a row for a write to happen: one term, or a list of which one suffices. */
export type Condition<Noun> = Term<Noun> | readonly Term<Noun>[];

export const absent: Test = (path, { notExists }) => notExists(path);

export const present: Test = (path, { exists }) => exists(path);

export const below =
  (value: unknown): Test =>
  (path, { lt }) =>
    lt(path, value);

export const atMost =
  (value: unknown): Test =>
  (path, { lte }) =>
    lte(path, value);

/** Inclusive at both ends. */
export const between =
  (low: unknown, high: unknown): Test =>
  (path, operations) =>
    operations.between(path, low, high);

/** A map with fewer entries than `count`. */
export const fewerThan =
  (count: number): Test =>
  (path, { size, value }) =>
    `${size(path)} < ${value(path, count)}`;

/** A map that has an entry of this name; with a value, one that equals it. */
export const entry =
  (name: string, value?: unknown): Test =>
  (path, { eq, exists }) =>
    value === undefined ? exists(path?.[name]) : eq(path?.[name], value);

/**
 * The condition as DynamoDB's expression. Every piece is in brackets, so that it can be joined with
 * others.
 */
export function expressionOf<Noun>(
  condition: Condition<Noun>,
  paths: Path,
  operations: Operations,
): string {
  const terms: readonly Term<Noun>[] = isList(condition) ? condition : [condition];
  const pieces = terms.map((term) =>
    Object.entries(term).map(([field, wanted]) =>
      isTest(wanted) ? wanted(paths[field], operations) : operations.eq(paths[field], wanted),
    ),
  );

  if (pieces.length === 1) return (pieces[0] ?? []).join(' AND ');
  return `(${pieces.map((all) => `(${all.join(' AND ')})`).join(' OR ')})`;
}

function isList<Noun>(condition: Condition<Noun>): condition is readonly Term<Noun>[] {
  return Array.isArray(condition);
}

function isTest(wanted: unknown): wanted is Test {
  return typeof wanted === 'function';
}
