/** Of the code points that stand for single bytes: U+DC80 for 0x80 up to U+DCFF for 0xff. */
const escapeBase = 0xdc00;

/**
 * Reads bytes as text. Bytes that are not UTF-8 become lone surrogates, as Python's
 * `surrogateescape` writes them, so that `toBytes` gives the same bytes again.
 */
export function readBytes(bytes: Buffer): string {
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return text;

  let read = '';
  for (let at = 0; at < bytes.length; ) {
    const end = endOfCharacter(bytes, at);
    read +=
      end === null
        ? String.fromCharCode(escapeBase + (bytes[at] ?? 0))
        : bytes.toString('utf8', at, end);
    at = end ?? at + 1;
  }
  return read;
}

/** The index after the character that begins at an index; null if none does. */
function endOfCharacter(bytes: Buffer, at: number): number | null {
  for (let end = at + 1; end <= at + 4 && end <= bytes.length; end++) {
    const character = bytes.subarray(at, end);
    if (Buffer.from(character.toString('utf8')).equals(character)) return end;
  }
  return null;
}

/** Returns the bytes of a text that `readBytes` read, and of any other text those of UTF-8. */
export function toBytes(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text);

  return Buffer.concat(
    Array.from(text, (character) => {
      const code = character.charCodeAt(0);
      const isEscape = character.length === 1 && code >= escapeBase + 0x80 && code <= 0xdcff;
      return isEscape ? Buffer.from([code - escapeBase]) : Buffer.from(character);
    }),
  );
}
