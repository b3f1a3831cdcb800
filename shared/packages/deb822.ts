import { GantryError } from '../base/error.ts';

/** One paragraph of Debian's control format: field → value, in the order of the text. */
export type Stanza = ReadonlyMap<string, string>;

/**
 * Parses paragraphs of the control format (deb822(5)), as apt and dpkg write them. Field names keep
 * their case. Values keep their continuation lines, each with its leading space.
 * @param what names the text in errors
 * @throws GantryError `io_error` for a line that is neither a field nor a continuation
 */
export function parseStanzas(text: string, what: string): Stanza[] {
  return text
    .split(/\n(?:[ \t]*\n)+/)
    .filter((paragraph) => paragraph.trim() !== '')
    .map((paragraph) => parseParagraph(paragraph, what));
}

function parseParagraph(text: string, what: string): Stanza {
  const stanza = new Map<string, string>();
  let field: string | undefined;

  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    if (/^[ \t]/.test(line)) {
      if (field === undefined) throw malformed(what, line);
      stanza.set(field, `${stanza.get(field)}\n${line}`);
      continue;
    }

    const [, name, value] = /^([!-9;-~]+):[ \t]*(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw malformed(what, line);
    field = name;
    stanza.set(field, value);
  }

  return stanza;
}

/** Formats one paragraph. It ends with a newline and has no empty line. */
export function formatStanza(stanza: Stanza): string {
  return [...stanza]
    .map(
      ([field, value]) => `${field}:${value.startsWith('\n') || value === '' ? '' : ' '}${value}\n`,
    )
    .join('');
}

function malformed(what: string, line: string): GantryError {
  const message = `expected "Field: value" in ${what}, found ${JSON.stringify(line.slice(0, 200))}`;
  return new GantryError('io_error', message, { found: line.slice(0, 200) });
}
