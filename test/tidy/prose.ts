/**
 * Words and turns that a reader must read twice, each with what to write instead. The list comes
 * from reviews of this project; docs/glossary.md has the terms.
 */
const plainWords: readonly (readonly [odd: RegExp, instead: string])[] = [
  [
    /\bwh(?:o|om|at|ich)soever\b|\bwhoever\b|\bwhomever\b/gi,
    'name who does it, or use the passive',
  ],
  [/\banew\b/gi, 'again'],
  [/\b(?:is|are|was|were) to be\b/gi, 'must be, or the present tense'],
  [
    /\bthat there (?:is|are|was|were)n?['’]? ?(?:not|none|no)?\b/gi,
    'that exists, or that does not exist',
  ],
  [/\bupon which\b/gi, 'where, or which'],
  [/\bin (?:its|their|his) stead\b/gi, 'instead'],
  [
    /\b(?:is|are|was|were|be|been) told\b|\btold (?:by|of|so|to)\b/gi,
    'receives, reads, or is notified',
  ],
  [/\bsees? to it\b/gi, 'ensures, or the verb itself'],
  [/\bmend(?:s|ed|ing)?\b/gi, 'fix'],
  [/\bgo(?:es)? on (?:\w+ing\b|with\b|as\b)/gi, 'continues'],
  [/\bat once\b/gi, 'immediately, or concurrently'],
  [/\bfor good\b/gi, 'permanently'],
  [/\bhas it (?:that|so)\b|\bsaid of\b/gi, 'say it directly'],
  [/\bis dear\b|\bdearer\b/gi, 'expensive'],
  [/\bno more than that\b|\bno longer so\b/gi, 'say what changed'],
  [/\bby himself\b|\bby themselves\b/gi, 'automatically'],
  [/\bthat (?:is|are) no (?!longer\b|more\b)\w+/gi, 'that is not a …'],
  [
    /\bone (?:(?:line|row|token|verb|write) )?a (?:file|line|module|repository|row|problem|machine|state)\b|\ba (?:line|file|row) an? (?:area|file|module|problem)\b/gi,
    'per',
  ],
  [/\bas such\b/gi, 'leave it out'],
  [/\bbut for (?:the|its|names)\b/gi, 'except'],
  [/\bnought\b/gi, 'zero'],
  [/\btells? (?:of|which|whether)\b/gi, 'returns, reports, or shows'],
  [/\bagain and again\b/gi, 'repeatedly'],
  [/\bheld against\b/gi, 'compared with'],
  [/\b(?:is|are) of no (?:use|interest)\b/gi, 'is useless, or does not matter'],
  [/\bcan(?:not)? be had\b|\bfind(?:s|ing)? (?:it|that) out\b/gi, 'is available, or detect'],
  [/\blet (?:point|stand)\b|\b(?:is|are) taken off\b/gi, 'the verb itself'],
  [/\bshould (?:it|they|he|she) (?:be|die|come|fail|want)\b/gi, 'if it …'],
  [
    /(?:\/\*\*|^ \*|\/\/|\. )\s*Answers (?:the|an?|whether|with|what|null|its|how|to)\b/gm,
    'Returns',
  ],
];

/** The odd words of a text, each with what to write instead. */
export function oddWords(text: string): string[] {
  return plainWords.flatMap(([odd, instead]) =>
    [...text.matchAll(odd)].map(([found]) => `"${found.trim()}" → ${instead}`),
  );
}

/** The prose of a page: paragraphs, list items and cells of tables, without code. */
export function sentencesOfMarkdown(text: string): string[] {
  const prose = text
    .replace(/^(`{3,}|~{3,})[\s\S]*?^\1/gm, '')
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/^ {4,}\S.*$/gm, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');

  return prose
    .split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)|\n(?=#)/)
    .flatMap((block) => (/^\s*\|/.test(block) ? cellsOf(block) : [block]));
}

function cellsOf(table: string): string[] {
  return table.split('\n').flatMap((row) => row.split(/(?<!\\)\|/));
}

/**
 * Sentences of over `max` words. Code and names in backquotes count as one word; a colon or
 * semicolon ends nothing.
 */
export function longSentences(texts: readonly string[], max: number): string[] {
  return texts
    .map((text) => text.replace(/`[^`]*`/g, 'code').replace(/\s+/g, ' '))
    .flatMap((text) => text.split(/(?<=[.!?:])\s+(?=[\p{Lu}*_["'(]|code)/u))
    .map((sentence) => sentence.trim())
    .filter(
      (sentence) => sentence.split(' ').filter((word) => /[\p{L}\p{N}]/u.test(word)).length > max,
    )
    .map((sentence) => `over ${max} words: ${sentence}`);
}
