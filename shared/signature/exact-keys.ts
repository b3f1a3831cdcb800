/** Keys of a document, each with the keys of its value. */
export interface KnownKeys {
  readonly [key: string]: KnownKeys;
}

/**
 * Refuses keys that differ from a known one in case alone. Go, and so cosign, reads `Critical` as
 * `critical` and lets the last one win, so the two readers would see different digests. Other keys
 * may be anything.
 * @throws SyntaxError in words that may be shown
 */
export function requireExactKeys(value: unknown, known: KnownKeys): void {
  if (Array.isArray(value)) {
    for (const item of value) requireExactKeys(item, known);
    return;
  }

  if (typeof value !== 'object' || value === null) return;
  const exact = new Map(Object.keys(known).map((key) => [foldCase(key), key]));

  for (const [key, inner] of Object.entries(value)) {
    const meant = exact.get(foldCase(key));
    if (meant === undefined) continue;
    if (meant !== key) {
      throw new SyntaxError(`expected "${meant}", found ${JSON.stringify(key.slice(0, 100))}`);
    }
    requireExactKeys(inner, known[meant] ?? {});
  }
}

/** Folds as Go does, where the long s is an s and the Kelvin sign a k. */
function foldCase(key: string): string {
  return key.toUpperCase().toLowerCase();
}
