/**
 * True when a text of JSON or YAML opens more than `max` brackets at once, those within its strings counted. To be asked
 * before recursive code, a parser's or `JSON.stringify`'s, gets to see what a stranger wrote.
 */
export function nestsDeeper(text: string, max: number): boolean {
  let depth = 0;
  for (const [bracket] of text.matchAll(/[[\]{}]/g)) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1;
    if (depth > max) return true;
  }
  return false;
}
