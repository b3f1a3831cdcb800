import { GantryError } from '../base/error.ts';
import {
  libarchivePrefix,
  requireSameXattr,
  sortXattrs,
  xattrName,
  xattrPrefix,
  xattrValue,
} from './pax-xattr.ts';
import { quote, tarMalformed } from './tar-header.ts';

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

/** Records about facts that composefs does not cover. An extractor may apply or ignore them. */
const ignoredKeys = new Set([
  'atime',
  'ctime',
  'uname',
  'gname',
  'comment',
  'GNU.volume.label',
  'LIBARCHIVE.creationtime',
  // Says of a symlink on Windows what it points to.
  'LIBARCHIVE.symlinktype',
  'SCHILY.dev',
  'SCHILY.fflags',
  'SCHILY.ino',
  'SCHILY.nlink',
]);

/** Charsets of names that leave their bytes as they are (POSIX, and libarchive and Python). */
const plainCharsets = ['ISO-IR 10646 2000 UTF-8', 'BINARY'];

/** How to archive without what a key says, by the start of the key. */
const optionsWithout: readonly [key: string, options: string][] = [
  ['SCHILY.acl.', 'GNU tar and bsdtar: `--no-acls`'],
  ['RHT.security.selinux', 'GNU tar: `--no-selinux`'],
  ['GNU.dumpdir', 'GNU tar: without `--incremental`'],
  ['GNU.volume.', 'GNU tar: without `--multi-volume`'],
];

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
    } else if (key.startsWith(libarchivePrefix)) {
      requireSameXattr(records, key, where);
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
  ['hdrcharset', readCharset],
]);

/** The names are checked as UTF-8 later; here only a charset that translates them is refused. */
function readCharset(value: Buffer, label: string): PaxAttributes {
  const found = value.toString('latin1');
  if (plainCharsets.includes(found)) return {};

  const message = `${label} is ${quote(found)}, expected ${plainCharsets.join(' or ')}`;
  throw tarMalformed(message, { found: quote(found) });
}

/**
 * Requires that the records of a global header change no entry, such as the comment that git
 * archive writes. Extractors differ in how far a global record reaches.
 *
 * @throws GantryError `tar_entry_type_unsupported`
 */
export function requireIdleRecords(records: PaxRecords, offset: number): void {
  const odd = [...records.keys()].find((key) => !ignoredKeys.has(key));
  if (odd === undefined) return;

  const message = `the global pax header at byte ${offset} sets ${quote(odd)} for all entries behind it, expected only comments; write it for each entry`;
  throw new GantryError('tar_entry_type_unsupported', message, { found: quote(odd) });
}

function refuseUnknown(key: string, where: string): void {
  if (key.startsWith('GNU.sparse.') || key === 'SCHILY.realsize') {
    throw new GantryError(
      'tar_sparse_refused',
      `${where}: ${quote(key)} makes a sparse file, expected whole files`,
    );
  }

  if (ignoredKeys.has(key)) return;
  const options = optionsWithout.find(([start]) => key.startsWith(start))?.[1];
  const cure = options === undefined ? '' : `; archive without it (${options})`;
  throw tarMalformed(
    `${where}: the key ${quote(key)} is not known, expected one of POSIX or SCHILY.xattr.*${cure}`,
  );
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

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The exact text, including a byte order mark, or undefined if the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
