import { LRUCache } from 'lru-cache';
import { sha256Hex } from './ids.ts';

/**
 * Caches the results of a pure function by the content of its JSON argument. A worker receives an
 * equal policy or trust root as a new object with every message. An object is hashed once; errors
 * are not cached.
 * @param max results kept; the least recently used one is dropped first
 */
export function cacheByContent<V extends object, R extends object>(
  make: (value: V) => R,
  max: number,
): (value: V) => R {
  const hashes = new WeakMap<V, string>();
  const results = new LRUCache<string, R>({ max });

  return (value) => {
    const hash = hashes.get(value) ?? sha256Hex(JSON.stringify(value));
    hashes.set(value, hash);

    const result = results.get(hash) ?? make(value);
    results.set(hash, result);
    return result;
  };
}
