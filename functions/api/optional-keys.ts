import { z } from 'zod';

/**
 * Makes the OpenAPI document say that keys of `exactOptional` may be left out. The generator takes for optional what
 * `safeParse(undefined)` accepts, which these schemas refuse: the key may be absent, not undefined. Objects parse their
 * values by another way, so what requests may hold stays as it is.
 */
export function tellOptionalKeys(part: unknown, seen = new Set<unknown>()): void {
  if (typeof part !== 'object' || part === null || seen.has(part)) return;
  seen.add(part);
  if (part instanceof z.ZodExactOptional) {
    const exact = part.safeParse;
    part.safeParse = (value, params) =>
      value === undefined ? { success: true, data: undefined } : exact(value, params);
  }
  const inner = part instanceof z.ZodType ? part.def : part;
  for (const value of Object.values(inner)) tellOptionalKeys(value, seen);
}
