import { GantryError } from '../base/error.ts';
import type { PaxAttributes } from './pax.ts';
import { blockBytes, octal11Max, type TarHeader, tarMalformed } from './tar-header.ts';

/** One member of an archive with all overrides applied. Its names are still bytes. */
export interface TarMember {
  /**
   * `0` file, `1` hard link, `2` symlink, `3` character device, `4` block device, `5` directory,
   * `6` fifo.
   */
  typeflag: '0' | '1' | '2' | '3' | '4' | '5' | '6';
  name: Buffer;
  linkName: Buffer;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  mtimeNs: number;
  /** Bytes of content that follow. Only files have content; other members have 0. */
  size: number;
  devMajor: number;
  devMinor: number;
  xattrs: Record<string, string> | undefined;
  /** Where the content starts in the archive. */
  offset: number;
}

/** The extensions before a header, and the offset directly after it. */
export interface Extensions {
  pax: PaxAttributes | undefined;
  longName: Buffer | undefined;
  longLink: Buffer | undefined;
  offset: number;
}

/** Applies the extensions to a header. */
export function resolveMember(
  header: TarHeader,
  { pax, longName, longLink, offset }: Extensions,
): TarMember {
  const where = `tar header at byte ${offset - blockBytes}`;
  if (header.typeflag === 'S') {
    throw new GantryError(
      'tar_sparse_refused',
      `${where} is a GNU sparse file, expected whole files`,
    );
  }

  if (!/^[0-6]$/.test(header.typeflag)) {
    const message = `${where} has the type ${JSON.stringify(header.typeflag)}, expected "0" to "6" or a pax header "x"`;
    throw new GantryError('tar_entry_type_unsupported', message, { found: header.typeflag });
  }

  const size = resolveSize(header, pax, where);
  if (size !== 0 && header.typeflag !== '0') {
    throw tarMalformed(
      `${where} states ${size} bytes of content for the type "${header.typeflag}", expected 0`,
    );
  }

  const linkName = pax?.linkPath ?? longLink;
  if (linkName && header.typeflag !== '1' && header.typeflag !== '2') {
    throw tarMalformed(
      `${where} has a long link target for the type "${header.typeflag}", expected a link`,
    );
  }

  return {
    typeflag: header.typeflag as TarMember['typeflag'],
    name: pax?.path ?? longName ?? header.name,
    linkName: linkName ?? header.linkName,
    mode: header.mode,
    uid: ownerId(pax?.uid ?? header.uid, `${where}: uid`),
    gid: ownerId(pax?.gid ?? header.gid, `${where}: gid`),
    mtime: pax?.mtime?.seconds ?? header.mtime,
    mtimeNs: pax?.mtime?.nanoseconds ?? 0,
    size,
    devMajor: header.devMajor,
    devMinor: header.devMinor,
    xattrs: pax?.xattrs,
    offset,
  };
}

/**
 * A pax size is only necessary where the header's field is too small. Otherwise the two must be
 * equal, because readers disagree on which one counts.
 */
function resolveSize(header: TarHeader, pax: PaxAttributes | undefined, where: string): number {
  if (pax?.size === undefined || pax.size === header.size) return header.size;
  if (pax.size > octal11Max && header.size === 0) return pax.size;

  throw tarMalformed(
    `${where}: its pax size is ${pax.size}, expected the header's ${header.size}`,
    {
      expected: header.size,
      found: pax.size,
    },
  );
}

/**
 * The highest id is refused. For chown(2) it means "leave as it is", so the tree could not be
 * written as stated.
 */
function ownerId(id: number, label: string): number {
  if (id < 0xffffffff) return id;
  throw tarMalformed(`${label} is ${id}, expected below ${0xffffffff}`, { found: id });
}
