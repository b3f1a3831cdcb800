/** Texts as a search compares them. */
export function searchText(texts: readonly string[]): string {
  return texts.join(' ').toLowerCase().replaceAll('`', '');
}

/** The words that a person searches for. */
export function wordsOf(query: string): string[] {
  return query.toLowerCase().split(/\s+/).filter(Boolean);
}

/** Whether a text has every word. */
export function hasWords(text: string, words: readonly string[]): boolean {
  return words.every((word) => text.includes(word));
}
