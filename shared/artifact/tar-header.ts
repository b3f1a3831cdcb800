import { GantryError } from '../base/error.ts';

/** A tar consists of blocks of this many bytes (POSIX.1-2017 pax, "ustar Interchange Format"). */
export const blockBytes = 512;

/** The largest size or time that fits the eleven octal digits of a header. */
export const octal11Max = 0o77777777777;
/** The largest owner, group or device number that fits seven octal digits. */
export const octal7Max = 0o7777777;

/** The fields of a header block, before pax records and GNU long names override them. */
export interface TarHeader {
  /** Prefix and name joined. They are bytes, because they are not validated yet. */
  name: Buffer;
  linkName: Buffer;
  /** One character. The old NUL for a regular file is returned as `0`. */
  typeflag: string;
  /** Permission bits only. Some old writers add file type bits, which are removed. */
  mode: number;
  uid: number;
  gid: number;
  size: number;
  /** Whole seconds since 1970, may be negative. */
  mtime: number;
  devMajor: number;
  devMinor: number;
}

export function tarMalformed(
  message: string,
  context: { expected?: unknown; found?: unknown } = {},
): GantryError {
  return new GantryError('tar_malformed', message, context);
}

/**
 * Reads one header block of a ustar, pax or GNU archive. It is strict where readers differ: an
 * unsigned checksum, a known magic, numbers in clean octal or GNU base-256, and no bytes after the
 * NUL of a text field.
 *
 * @param block 512 bytes
 * @param offset where the block starts in the archive, for error messages
 * @throws GantryError `tar_malformed`
 */
export function decodeHeader(block: Buffer, offset: number): TarHeader {
  const where = `tar header at byte ${offset}`;
  const found = decodeNumber(block, 148, 8, `${where}: checksum`);
  const expected = checksum(block);
  if (found !== expected) {
    throw tarMalformed(`${where}: checksum is ${found}, expected ${expected}`, { expected, found });
  }

  const magic = block.toString('latin1', 257, 265);
  if (magic !== 'ustar\x0000' && magic !== 'ustar  \0') {
    throw tarMalformed(`${where}: magic is ${JSON.stringify(magic)}, expected ustar's or GNU's`, {
      found: magic,
    });
  }

  const name = decodeText(block, 0, 100, `${where}: name`);
  // GNU stores times where ustar has its prefix.
  const prefix =
    magic === 'ustar\x0000' ? decodeText(block, 345, 155, `${where}: prefix`) : Buffer.alloc(0);
  const typeflag = String.fromCharCode(block[156] ?? 0);

  return {
    name: prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name,
    linkName: decodeText(block, 157, 100, `${where}: link name`),
    typeflag: typeflag === '\0' ? '0' : typeflag,
    mode: unsigned(decodeNumber(block, 100, 8, `${where}: mode`), `${where}: mode`) & 0o7777,
    uid: unsigned(decodeNumber(block, 108, 8, `${where}: uid`), `${where}: uid`),
    gid: unsigned(decodeNumber(block, 116, 8, `${where}: gid`), `${where}: gid`),
    size: unsigned(decodeNumber(block, 124, 12, `${where}: size`), `${where}: size`),
    mtime: decodeNumber(block, 136, 12, `${where}: mtime`),
    devMajor: unsigned(
      decodeNumber(block, 329, 8, `${where}: device major`),
      `${where}: device major`,
    ),
    devMinor: unsigned(
      decodeNumber(block, 337, 8, `${where}: device minor`),
      `${where}: device minor`,
    ),
  };
}

/**
 * Writes one POSIX ustar header block without user and group names. Every field must fit: names up
 * to 100 bytes, numbers up to `octal7Max` and `octal11Max`. Larger values belong in pax records.
 */
export function encodeHeader(header: TarHeader): Buffer {
  const block = Buffer.alloc(blockBytes);
  encodeText(block, header.name, 0, 100);
  encodeNumber(block, header.mode, 100, 8);
  encodeNumber(block, header.uid, 108, 8);
  encodeNumber(block, header.gid, 116, 8);
  encodeNumber(block, header.size, 124, 12);
  encodeNumber(block, header.mtime, 136, 12);
  block.write(header.typeflag, 156, 'latin1');
  encodeText(block, header.linkName, 157, 100);
  block.write('ustar\x0000', 257, 'latin1');
  encodeNumber(block, header.devMajor, 329, 8);
  encodeNumber(block, header.devMinor, 337, 8);
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');

  return block;
}

/** The sum of a header's bytes, with spaces in the checksum field. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let i = 0; i < 148; i++) sum += block[i] as number;
  for (let i = 156; i < blockBytes; i++) sum += block[i] as number;
  return sum;
}

function decodeText(block: Buffer, at: number, length: number, label: string): Buffer {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  if (end === -1) return field;
  if (!isZero(field.subarray(end)))
    throw tarMalformed(`${label} has bytes behind its terminating NUL, expected none`);

  return field.subarray(0, end);
}

function decodeNumber(block: Buffer, at: number, length: number, label: string): number {
  const field = block.subarray(at, at + length);
  const first = field[0] as number;
  if (first === 0x80 || first === 0xff) return decodeBase256(field, first === 0xff, label);

  const text = field.toString('latin1');
  const match = /^ *([0-7]*)[ \0]*$/.exec(text);

  if (!match) {
    throw tarMalformed(`${label} is ${JSON.stringify(text)}, expected octal digits`, {
      found: text,
    });
  }

  // GNU tar leaves the device fields of other types blank, and every reader takes a blank number as
  // zero.
  return match[1] ? Number.parseInt(match[1], 8) : 0;
}

/**
 * Reads GNU's form for numbers too large for octal: big-endian two's complement after 0x80
 * (positive) or 0xff (negative).
 */
function decodeBase256(field: Buffer, negative: boolean, label: string): number {
  let value = negative ? -1n : 0n;
  for (const byte of field.subarray(1)) value = value * 256n + BigInt(byte);
  const number = Number(value);
  if (!Number.isSafeInteger(number))
    throw tarMalformed(`${label} is ${value}, expected below 2^53`);

  return number;
}

function unsigned(value: number, label: string): number {
  if (value < 0)
    throw tarMalformed(`${label} is ${value}, expected no negative number`, { found: value });
  return value;
}

function encodeText(block: Buffer, text: Buffer, at: number, length: number): void {
  if (text.length > length)
    throw new RangeError(`tar header text of ${text.length} bytes in a field of ${length}`);
  text.copy(block, at);
}

function encodeNumber(block: Buffer, value: number, at: number, length: number): void {
  const digits = value.toString(8).padStart(length - 1, '0');
  if (value < 0 || digits.length >= length)
    throw new RangeError(`tar header number ${value} in ${length} bytes`);
  block.write(digits, at, 'latin1');
}

/** The number of zero bytes between content of this size and the next block. */
export function paddingOf(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

const zeros = Buffer.alloc(65_536);

export function isZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const part = bytes.subarray(at, at + zeros.length);
    if (!part.equals(zeros.subarray(0, part.length))) return false;
  }
  return true;
}

/** Shortens text of a hostile header for an error message: a record may have a mebibyte. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
