/**
 * Returns the entry of a table that has the name, undefined if it has none. Names come from users:
 * `constructor` must not find what every object inherits.
 */
export function ownValue<Value>(
  table: Readonly<Record<string, Value>>,
  name: string,
): Value | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
