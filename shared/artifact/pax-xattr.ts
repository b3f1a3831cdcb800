import { GantryError } from '../base/error.ts';
import { compareBytes } from '../domain/files/index.ts';
import { quote, tarMalformed } from './tar-header.ts';

export const xattrPrefix = 'SCHILY.xattr.';
export const libarchivePrefix = 'LIBARCHIVE.xattr.';
/** XATTR_NAME_MAX and XATTR_SIZE_MAX of Linux: a file cannot have anything larger. */
const xattrNameBytesMax = 255;
/** The namespaces that Linux file systems have (xattr(7)). Linux cannot set a name outside them. */
const xattrNamespaces = /^(?:user|trusted|security)\..|^system\.posix_acl_(?:access|default)$/s;
const xattrValueBytesMax = 65_536;

export function sortXattrs(xattrs: [string, string][], where: string): Record<string, string> {
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

export function xattrName(key: string, where: string): string {
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

export function xattrValue(key: string, value: Buffer, where: string): string {
  if (value.length > xattrValueBytesMax) {
    throw new GantryError(
      'tar_xattr_invalid',
      `${where}: ${quote(key)} has ${value.length} bytes, expected at most ${xattrValueBytesMax}`,
      { expected: xattrValueBytesMax, found: value.length },
    );
  }
  return value.toString('base64');
}

/** bsdtar writes each attribute twice: as GNU tar does, and with an escaped name and base64. */
export function requireSameXattr(
  records: ReadonlyMap<string, Buffer>,
  key: string,
  where: string,
): void {
  const name = unescapePercents(key.slice(libarchivePrefix.length));
  const twin = name === undefined ? undefined : records.get(xattrPrefix + name);
  if (twin === undefined) {
    throw tarMalformed(
      `${where}: the key ${quote(key)} stands alone, expected the same as ${xattrPrefix}*`,
    );
  }

  const value = Buffer.from(records.get(key)?.toString('latin1') ?? '', 'base64');
  if (twin.equals(value)) return;

  throw new GantryError(
    'tar_xattr_invalid',
    `${where}: ${quote(key)} differs from ${quote(xattrPrefix + name)}, expected the same value`,
  );
}

function unescapePercents(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
