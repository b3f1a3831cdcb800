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
