import { z } from 'zod';

/**
 * Marks `exactOptional` keys as optional in the OpenAPI document. The generator treats a key as
 * optional if its schema accepts `safeParse(undefined)`. These schemas refuse it: their key may be
 * absent, but not undefined. Objects do not parse their values with `safeParse`, so requests are
 * checked as before.
 */
export function markOptionalKeys(part: unknown, seen = new Set<unknown>()): void {
  if (typeof part !== 'object' || part === null || seen.has(part)) return;

  seen.add(part);
  if (part instanceof z.ZodExactOptional) {
    const exact = part.safeParse;
    part.safeParse = (value, params) =>
      value === undefined ? { success: true, data: undefined } : exact(value, params);
  }

  const inner = part instanceof z.ZodType ? part.def : part;
  for (const value of Object.values(inner)) markOptionalKeys(value, seen);
}
