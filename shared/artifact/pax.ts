import { GantryError } from '../base/error.ts';
import { compareBytes } from '../domain/files/index.ts';
import { tarMalformed } from './tar-header.ts';

/** Records of one pax extended header; values are bytes, because those of xattrs are. */
export type PaxRecords = Map<string, Buffer>;

/** The decoded pax records of one entry. A field without a record is absent. */
export interface PaxAttributes {
  path?: Buffer;
  linkPath?: Buffer;
  size?: number;
  uid?: number;
  gid?: number;
  mtime?: { seconds: number; nanoseconds: number };
  /** Name → base64 of the value, names in byte order. */
  xattrs?: Record<string, string>;
}

const xattrPrefix = 'SCHILY.xattr.';
/** XATTR_NAME_MAX and XATTR_SIZE_MAX of Linux: a file cannot have anything larger. */
const xattrNameBytesMax = 255;
/** The namespaces that Linux file systems have (xattr(7)). Linux cannot set a name outside them. */
const xattrNamespaces = /^(?:user|trusted|security)\..|^system\.posix_acl_(?:access|default)$/s;
const xattrValueBytesMax = 65_536;

/** Records about facts that composefs does not cover. An extractor may apply or ignore them. */
const ignoredKeys = new Set([
  'atime',
  'ctime',
  'uname',
  'gname',
  'comment',
  'SCHILY.dev',
  'SCHILY.ino',
  'SCHILY.nlink',
]);

/**
 * Splits the body of a pax extended header (POSIX.1-2017 pax, "pax Extended Header") into its
 * records.
 *
 * @throws GantryError `tar_malformed`: a wrong length, no `=`, no newline, a key that is not UTF-8
 * or that occurs twice
 */
export function decodePax(body: Buffer, offset: number): PaxRecords {
  const where = `pax header at byte ${offset}`;
  const records: PaxRecords = new Map();

  for (let at = 0; at < body.length; ) {
    // A length has at most seven digits, because the limit for the body is far lower.
    const digits = /^([1-9][0-9]{0,6}) /.exec(body.toString('latin1', at, at + 8))?.[1];
    if (digits === undefined)
      throw tarMalformed(`${where}: a record starts without its length and a space`);

    const end = at + Number(digits);
    const record = body.subarray(at + digits.length + 1, end);
    const equals = record.indexOf(0x3d);
    if (end > body.length || record.at(-1) !== 0x0a || equals < 1) {
      throw tarMalformed(`${where}: a record of ${digits} bytes is not "key=value" and a newline`);
    }

    const key = decodeUtf8(record.subarray(0, equals));
    if (key === undefined) throw tarMalformed(`${where}: a key is not UTF-8`);
    if (records.has(key))
      throw tarMalformed(`${where}: the key ${quote(key)} stands twice, expected once`);

    records.set(key, record.subarray(equals + 1, -1));
    at = end;
  }

  return records;
}

/** Writes records in the order of the map as the body of a pax extended header. */
export function encodePax(records: Iterable<[string, Uint8Array]>): Buffer {
  const parts: Uint8Array[] = [];
  for (const [key, value] of records) {
    const rest = 1 + Buffer.byteLength(key) + 1 + value.length + 1;
    // The length includes its own digits.
    let length = rest + 1;
    while (String(length).length + rest !== length) length = String(length).length + rest;
    parts.push(Buffer.from(`${length} ${key}=`), value, Buffer.from('\n'));
  }

  return Buffer.concat(parts);
}

/**
 * Interprets the records. An unknown record that could change the tree is refused: another
 * extractor might apply it, and the archive would then have two meanings.
 *
 * @throws GantryError `tar_malformed`, `tar_sparse_refused`, `tar_xattr_invalid`
 */
export function paxAttributes(records: PaxRecords, offset: number): PaxAttributes {
  const where = `pax header at byte ${offset}`;
  const attributes: PaxAttributes = {};
  const xattrs: [string, string][] = [];

  for (const [key, value] of records) {
    const read = readers.get(key);

    if (key.startsWith(xattrPrefix)) {
      xattrs.push([xattrName(key, where), xattrValue(key, value, where)]);
    } else if (read !== undefined) {
      Object.assign(attributes, read(value, `${where}: ${key}`));
    } else {
      refuseUnknown(key, where);
    }
  }

  return xattrs.length === 0 ? attributes : { ...attributes, xattrs: sortXattrs(xattrs, where) };
}

/** How to read the value of each known key. `label` names the key in errors. */
const readers = new Map<string, (value: Buffer, label: string) => PaxAttributes>([
  ['path', (path) => ({ path })],
  ['linkpath', (linkPath) => ({ linkPath })],
  ['size', (value, label) => ({ size: decimal(value, label) })],
  ['uid', (value, label) => ({ uid: decimal(value, label) })],
  ['gid', (value, label) => ({ gid: decimal(value, label) })],
  ['mtime', (value, label) => ({ mtime: decodePaxTime(value.toString('latin1'), label) })],
]);

function refuseUnknown(key: string, where: string): void {
  if (key.startsWith('GNU.sparse.') || key === 'SCHILY.realsize') {
    throw new GantryError(
      'tar_sparse_refused',
      `${where}: ${quote(key)} makes a sparse file, expected whole files`,
    );
  }

  if (ignoredKeys.has(key)) return;
  throw tarMalformed(
    `${where}: the key ${quote(key)} is not known, expected one of POSIX or SCHILY.xattr.*`,
  );
}

function sortXattrs(xattrs: [string, string][], where: string): Record<string, string> {
  const byName = Object.fromEntries(xattrs.sort(([a], [b]) => compareBytes(a, b)));
  if (Object.keys(byName).length === xattrs.length) return byName;

  throw new GantryError(
    'tar_xattr_invalid',
    `${where}: an extended attribute is listed twice, expected once`,
  );
}

/**
 * GNU tar writes `%` and `=` in attribute names as `%25` and `%3D`, because the first `=` ends a
 * key.
 */
export function xattrKey(name: string): string {
  return xattrPrefix + name.replaceAll('%', '%25').replaceAll('=', '%3D');
}

function xattrName(key: string, where: string): string {
  const name = key.slice(xattrPrefix.length).replaceAll('%3D', '=').replaceAll('%25', '%');
  const bytes = Buffer.byteLength(name);

  if (bytes === 0 || bytes > xattrNameBytesMax || name.includes('\0')) {
    throw new GantryError(
      'tar_xattr_invalid',
      `${where}: an extended attribute's name has ${bytes} bytes, expected 1 to ${xattrNameBytesMax} without NUL`,
      { found: quote(name) },
    );
  }

  if (xattrNamespaces.test(name)) return name;
  throw new GantryError(
    'tar_xattr_invalid',
    `${where}: an extended attribute is named ${quote(name)}, expected a name in user., trusted., security. or an ACL`,
    { found: quote(name) },
  );
}

function xattrValue(key: string, value: Buffer, where: string): string {
  if (value.length > xattrValueBytesMax) {
    throw new GantryError(
      'tar_xattr_invalid',
      `${where}: ${quote(key)} has ${value.length} bytes, expected at most ${xattrValueBytesMax}`,
      { expected: xattrValueBytesMax, found: value.length },
    );
  }
  return value.toString('base64');
}

function decimal(value: Buffer, label: string): number {
  const text = value.toString('latin1');
  if (!/^[0-9]{1,15}$/.test(text)) {
    throw tarMalformed(`${label} is ${quote(text)}, expected at most 15 decimal digits`, {
      found: quote(text),
    });
  }

  return Number(text);
}

/**
 * Splits a time into seconds, rounded down, and nanoseconds. So `-1.5` (one and a half seconds
 * before 1970) becomes −2 and 500,000,000.
 */
export function decodePaxTime(
  text: string,
  label: string,
): { seconds: number; nanoseconds: number } {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]{0,9}))?$/.exec(text);
  if (!match) {
    throw tarMalformed(`${label} is ${quote(text)}, expected seconds with at most nine decimals`, {
      found: quote(text),
    });
  }

  const whole = Number(match[2]);
  const fraction = Number((match[3] ?? '').padEnd(9, '0'));
  if (match[1] === '') return { seconds: whole, nanoseconds: fraction };

  // `0 -` prevents minus zero.
  return fraction === 0
    ? { seconds: 0 - whole, nanoseconds: 0 }
    : { seconds: 0 - whole - 1, nanoseconds: 1_000_000_000 - fraction };
}

/** The inverse of `decodePaxTime`, without superfluous decimals. */
export function encodePaxTime(seconds: number, nanoseconds: number): string {
  const negative = seconds < 0;
  const whole = negative && nanoseconds > 0 ? -seconds - 1 : Math.abs(seconds);
  const fraction = negative && nanoseconds > 0 ? 1_000_000_000 - nanoseconds : nanoseconds;
  const decimals = fraction === 0 ? '' : `.${String(fraction).padStart(9, '0').replace(/0+$/, '')}`;

  return `${negative ? '-' : ''}${whole}${decimals}`;
}

/** Shortens text of a hostile header for an error message: a record may have a mebibyte. */
function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The exact text, including a byte order mark, or undefined if the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
