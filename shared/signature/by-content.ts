import { sha256Hex } from '../base/ids.ts';

/**
 * Remembers what a pure function made of the last few JSON values, known by their content: a worker gets an equal policy or
 * trust root as a new object with every message. Values that are themselves equal objects are hashed once.
 * @param max values remembered; the one used longest ago goes first. What throws is not remembered.
 */
export function byContent<V extends object, R>(
  make: (value: V) => R,
  max: number,
): (value: V) => R {
  const hashes = new WeakMap<V, string>();
  const results = new Map<string, R>();
  return (value) => {
    const hash = hashes.get(value) ?? sha256Hex(JSON.stringify(value));
    hashes.set(value, hash);
    const result = results.has(hash) ? (results.get(hash) as R) : make(value);
    results.delete(hash);
    results.set(hash, result);
    if (results.size > max) results.delete(results.keys().next().value ?? '');
    return result;
  };
}
