const letters: Record<string, string> = { '\\': '\\', n: '\n', r: '\r', t: '\t' };
const lettersBack: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Decodes a field of a dump (composefs-dump(5)). Returns undefined for an invalid escape. */
export function unescapeField(field: string): string | undefined {
  let out = '';
  let at = 0;

  for (let slash = field.indexOf('\\'); slash !== -1; slash = field.indexOf('\\', at)) {
    out += field.slice(at, slash);
    const kind = field[slash + 1] ?? '';

    if (kind === 'x') {
      const hex = field.slice(slash + 2, slash + 4);
      if (!/^[0-9a-fA-F]{2}$/.test(hex)) return undefined;
      out += String.fromCharCode(Number.parseInt(hex, 16));
      at = slash + 4;
    } else {
      const letter = letters[kind];
      if (letter === undefined) return undefined;
      out += letter;
      at = slash + 2;
    }
  }

  return out + field.slice(at);
}

/**
 * Encodes a byte string as composefs-info does: it escapes everything but printable ASCII. It also
 * escapes a lone `-` in optional fields, where it would mean "no value", and `=` in xattrs.
 */
export function escapeField(bytes: string, kind: 'plain' | 'optional' | 'xattr'): string {
  if (kind === 'optional' && bytes === '-') return '\\x2d';
  const special = kind === 'xattr' ? /[^!-<>-[\]-~]/g : /[^!-[\]-~]/g;
  return bytes.replace(
    special,
    (byte) => lettersBack[byte] ?? `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
