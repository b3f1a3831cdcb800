/** The parts of a property in the manifest's JSON Schema that the page needs. */
export interface Property {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Property[];
  description?: string;
  examples?: unknown[];
  default?: unknown;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  items?: Property;
  properties?: Record<string, Property>;
  required?: string[];
  additionalProperties?: Property | boolean;
}

/** A key inside a mapping: `health.method`, `exposed_ports[].port`. */
interface InnerKey {
  name: string;
  type: string;
  required: boolean;
  about: string;
}

/** Describes a type for people: `list of mappings`, `tcp, udp or sctp`, `text or null`. */
export function describeType(property: Property): string {
  const { type, const: only, enum: choices, anyOf, items } = property;
  if (typeof only === 'string') return `\`${only}\``;
  if (only !== undefined) return `the number ${JSON.stringify(only)}`;
  if (choices !== undefined) return choices.map((one) => `\`${one}\``).join(', ');
  if (anyOf !== undefined) return anyOf.map(describeType).join(' or ');
  if (type === 'array') return `list of ${pluralOf(items ?? {})}`;
  if (type === 'integer') return `whole number${rangeOf(property)}`;

  const length =
    property.maxLength === undefined ? '' : `, at most ${property.maxLength} characters`;
  return `${words[type ?? ''] ?? 'anything'}${length}`;
}

const words: Record<string, string> = {
  string: 'text',
  object: 'mapping',
  boolean: 'true or false',
  number: 'number',
  null: 'null',
};

function pluralOf(items: Property): string {
  const plural: Record<string, string> = { string: 'texts', object: 'mappings' };
  return plural[items.type ?? ''] ?? 'values';
}

function rangeOf({ minimum, maximum }: Property): string {
  if (maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER) return `, at least ${minimum}`;
  return `, ${minimum} to ${maximum}`;
}

/** The keys of a mapping, or of the entries of a list, and of what is in them. */
export function listKeys(property: Property, prefix = ''): InnerKey[] {
  const { properties = {}, required = [], items } = property;
  if (items !== undefined) return listKeys(items, prefix);

  return Object.entries(properties).flatMap(([key, inner]) => {
    const name = `${prefix}${key}`;
    const suffix = inner.type === 'array' ? '[].' : '.';
    const about = inner.description ?? '';
    return [
      { name, type: describeType(inner), required: required.includes(key), about },
      ...listKeys(inner, `${name}${suffix}`),
    ];
  });
}
