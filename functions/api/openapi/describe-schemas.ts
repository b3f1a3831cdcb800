import { wordsOf } from './words.ts';

/** The parts of a JSON schema that are read and written here. */
export interface JsonSchema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  minimum?: number;
  pattern?: string;
  description?: string;
  examples?: unknown[];
  properties?: Record<string, JsonSchema>;
  [key: string]: unknown;
}

/** An example of a time, in the form of all times. */
const exampleTime = '2027-01-01T00:00:00.000Z';

/**
 * Gives every property of a schema, at every depth, a description and, if it is no object, an
 * example. What the schema says itself stays.
 * @param name the name of the schema, or of the nearest one above
 */
export function describeProperties(schema: unknown, name: string): void {
  if (Array.isArray(schema)) for (const part of schema) describeProperties(part, name);
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return;

  const { properties, ...others } = schema as JsonSchema;
  for (const [key, property] of Object.entries(properties ?? {})) {
    describeProperty(property, key, name);
    describeProperties(property, name);
  }

  for (const key of ['items', 'anyOf', 'oneOf', 'allOf', 'additionalProperties', 'prefixItems'])
    describeProperties(others[key], name);
}

/** Describes one property or parameter. */
export function describeProperty(property: JsonSchema, key: string, schema: string): void {
  const [meaning, example] = wordsOf(key, schema) ?? [];
  if (property.description === undefined && meaning !== undefined) property.description = meaning;
  if (property.$ref !== undefined || property.examples !== undefined) return;

  const value = exampleOf(property, example);
  if (value !== undefined) property.examples = [value];
}

/** Only what the schema allows; of that the word list first, then what the type suggests. */
function exampleOf(property: JsonSchema, example: unknown): unknown {
  const { enum: choices, const: only, default: usual, format, minimum } = property;
  if (only !== undefined) return only;
  if (choices !== undefined) return choices.includes(example) ? example : choices[0];
  if (usual !== undefined) return usual;
  if (isTime(property)) return exampleTime;
  const made = exampleOfPattern(property);
  if (made !== undefined && !fitsPattern(property, example)) return made;
  if (fits(property, example)) return example;
  if (format === 'email') return 'rita@example.com';

  const type = [property.type].flat()[0];
  if (type === 'integer' || type === 'number') return minimum ?? 0;
  if (type === 'boolean') return false;
  return undefined;
}

/** Patterns of ids name their prefix and length: `^ver_[0-9a-f]{24}$`. */
function exampleOfPattern({ pattern }: JsonSchema): string | undefined {
  const [, prefix, hex] =
    /^\^(\w+)_\[0-9(?:A-HJKMNP-TV-Z|(a-f))\]\{\d+\}\$$/.exec(pattern ?? '') ?? [];
  if (prefix === undefined) return undefined;
  return `${prefix}_${hex === undefined ? '01J9Z6W5T1K5R0Q2V9M3N8P7XA' : '0123456789abcdef01234567'}`;
}

function fitsPattern({ pattern }: JsonSchema, example: unknown): boolean {
  return pattern === undefined || new RegExp(pattern, 'u').test(String(example));
}

/** Returns true for a time, also for one that may be null. */
function isTime({ format, anyOf }: JsonSchema): boolean {
  return format === 'date-time' || (Array.isArray(anyOf) && anyOf.some(isTime));
}

/** Names mean the same everywhere, but one may be a list here and its length there. */
function fits({ type }: JsonSchema, example: unknown): boolean {
  if (example === undefined) return false;
  const types = [type].flat();
  if (types[0] === undefined) return typeof example !== 'object';
  if (example === null) return types.includes('null');
  if (Array.isArray(example)) return types.includes('array');
  if (typeof example === 'number') return types.includes('integer') || types.includes('number');
  return types.includes(typeof example);
}
