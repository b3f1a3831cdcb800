/**
 * True when a JSON or YAML text nests more than `max` brackets, with those within strings. Check
 * untrusted text with it before recursive code reads it, such as a parser or `JSON.stringify`.
 */
export function nestsDeeper(text: string, max: number): boolean {
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    if (depth > max) return true;
  }

  return false;
}

/** True when a parsed value nests more than `max` lists and objects. */
export function valueNestsDeeper(value: unknown, max: number): boolean {
  const open: { value: unknown; depth: number }[] = [{ value, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (!(next.value instanceof Object)) continue;
    if (next.depth === max) return true;
    for (const inner of Object.values(next.value))
      open.push({ value: inner, depth: next.depth + 1 });
  }

  return false;
}
