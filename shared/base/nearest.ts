/** How many names an error lists. */
const listedMax = 8;

/**
 * Lists what exists beside a name that does not, the most similar names first: `web, web-db and 14
 * more`, or `none`.
 * @param others whether there are more than the known ones, so that their number is not known
 */
export function listNearest(wanted: string, known: readonly string[], others = false): string {
  const unique = [...new Set(known)];
  const shown = unique
    .map((name) => ({ name, distance: editDistance(wanted, name) }))
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, listedMax)
    .map(({ name }) => name);

  const more = unique.length - shown.length;
  const rest = others ? ' and others' : more > 0 ? ` and ${more} more` : '';
  return `${shown.join(', ') || 'none'}${rest}`;
}

/** Says as a clause what exists: `there are web, pi and 14 more`. */
export function sayNearest(wanted: string, known: readonly string[], others = false): string {
  const only = known.length === 1 && !others ? 'is only' : 'are';
  return `there ${known.length === 0 ? 'is' : only} ${listNearest(wanted, known, others)}`;
}

/**
 * Counts the letters to insert, delete or replace (Levenshtein). Longer names are compared by their
 * beginning, so that the time is bounded.
 */
export function editDistance(from: string, to: string): number {
  const [a, b] = [from.slice(0, 100), to.slice(0, 100)];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);

  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(row, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, at(row, j) + 1, at(next, j - 1) + 1));
    }
    row = next;
  }

  return at(row, b.length);
}

const at = (row: readonly number[], index: number): number => row[index] ?? 0;
