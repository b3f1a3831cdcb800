/** A block of a PEM text (RFC 7468). */
export interface PemBlock {
  /** The text between `BEGIN` and the dashes, such as `PUBLIC KEY`. */
  label: string;
  der: Buffer;
}

const block =
  /^-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n([A-Za-z0-9+/=\s]*)^-----END \1-----[ \t]*\r?$/gm;

/**
 * Reads the blocks of a PEM text as Go, and so cosign, does: text around a block and empty lines in
 * it do not matter. OpenSSL refuses the empty lines. A block with headers is no block here.
 */
export function readPemBlocks(text: string): PemBlock[] {
  return Array.from(text.matchAll(block), ([, label = '', body = '']) => ({
    label,
    der: Buffer.from(body.replace(/\s/g, ''), 'base64'),
  }));
}
