/** Attribute values as DynamoDB's document client takes and gives them. */
export type Row = Record<string, unknown>;

/**
 * How an attribute is stored: `json` is any JSON value, null included; `optional` is one that a row
 * may lack.
 */
export type Kind = 'text' | 'number' | 'flag' | 'json' | 'optional';

/** The kinds that can store a value of a type. */
type KindOf<Value> = unknown extends Value
  ? 'json'
  : undefined extends Value
    ? 'optional'
    : [Value] extends [string]
      ? 'text'
      : [Value] extends [number]
        ? 'number'
        : [Value] extends [boolean]
          ? 'flag'
          : 'json';

/**
 * Every field of a noun with its kind: a field that an entity forgets, or stores as another kind,
 * is a type error.
 */
export type Attributes<Noun> = { readonly [Field in keyof Noun]-?: KindOf<Noun[Field]> };

/** The fields that a key template such as `${account}#module#${name}` names. */
export type FieldsOf<Template extends string> =
  Template extends `${string}\${${infer Field}}${infer Rest}` ? Field | FieldsOf<Rest> : never;

/** The fields of a key template, in order. */
export function fieldsOf(template: string): string[] {
  return [...template.matchAll(/\$\{(\w+)\}/g)].map(([, field = '']) => field);
}

/** A key template filled in from a row. */
export function fill(template: string, row: Row): string {
  return template.replace(/\$\{(\w+)\}/g, (_, field: string) => String(row[field]));
}
