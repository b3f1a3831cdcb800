import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { composefsImage, FsVerity } from '../composefs/index.ts';
import { compareBytes, type TreeEntry } from '../domain/files/index.ts';
import { deviceMajorMinor } from './device.ts';
import { digestMember, manifestMember, rootMember } from './module-tar.ts';
import { duplicateEntry, ModuleTree } from './module-tree.ts';
import { encodePax, encodePaxTime } from './pax.ts';
import { xattrKey } from './pax-xattr.ts';
import { blockBytes, encodeHeader, octal7Max, octal11Max, paddingOf } from './tar-header.ts';
import { memberPath } from './tar-path.ts';

export interface WriteModuleTarInput {
  /** The exact text of `manifest.json`. */
  manifestJson: string;
  /** Time of `manifest.json` and `composefs-digest`, seconds since 1970 (SOURCE_DATE_EPOCH). */
  mtime: number;
  /**
   * The tree with its root `/`, in any order. Files with content have `verity`, and `content` if
   * they have up to 64 bytes.
   */
  entries: Iterable<TreeEntry>;
  /**
   * Returns a file's content. It is called only for files with content, one after the other in the
   * order of the archive. Chunks must not be reused: they are kept until a piece of output is full.
   */
  open: (entry: TreeEntry) => AsyncIterable<Uint8Array> | Uint8Array;
}

/**
 * Output is passed on in pieces of about this size, so that a tree of small files does not cause
 * tiny writes.
 */
const outputBytes = 256 * 1024;

/**
 * Writes the reproducible, uncompressed module tar of product.md section 3: `manifest.json`,
 * `composefs-digest`, then the tree in byte order of the member names. It writes POSIX ustar
 * headers without user and group names. Values that are not ASCII or do not fit a header become pax
 * records, as do nanoseconds and extended attributes (`SCHILY.xattr.…`, which GNU tar restores with
 * `--xattrs --xattrs-include='*'`). The same input gives the same bytes.
 *
 * @throws GantryError `tree_invalid` or a `tar_…` code for an invalid tree; `io_error` when the
 * content from `open` differs from its entry
 */
export async function* writeModuleTar(
  input: WriteModuleTarInput,
): AsyncGenerator<Buffer, void, void> {
  const entries = checkedTree(input.entries);
  const { digest } = composefsImage(entries);
  yield* inPieces(tarParts(input, entries, digest));
}

async function* tarParts(
  input: WriteModuleTarInput,
  entries: TreeEntry[],
  digest: string,
): AsyncGenerator<Uint8Array> {
  yield metadataFile(manifestMember, input.manifestJson, input.mtime);
  yield metadataFile(digestMember, `${digest}\n`, input.mtime);

  for (const entry of entries) {
    yield memberHeader(memberName(entry), entry);
    if (entry.type !== 'file' || entry.size === 0) continue;
    yield* checkedContent(entry, input.open(entry));
    yield Buffer.alloc(paddingOf(entry.size));
  }

  yield Buffer.alloc(2 * blockBytes);
}

/** `/etc` → `rootfs/etc/`; only directories end with a slash. */
function memberName(entry: TreeEntry): string {
  return `${rootMember}${entry.path}${entry.type === 'directory' && entry.path !== '/' ? '/' : ''}`;
}

/**
 * Sorts the entries in archive order: byte order of the member names. The slash counts, so the
 * content of a directory directly follows it (`a.conf`, `a/`, `a/b`; by bare path it would be `a`,
 * `a.conf`, `a/b`). GNU tar sets a directory's time when it meets the first entry outside. A later
 * entry of that directory would change the time again. Refuses what the reader would refuse.
 */
function checkedTree(entries: Iterable<TreeEntry>): TreeEntry[] {
  const tree = new ModuleTree();
  const ordered = [...entries]
    .map((entry) => ({ entry, name: memberName(entry) }))
    .sort((a, b) => compareBytes(a.name, b.name))
    .map(({ entry }) => entry);

  for (const entry of ordered) {
    const shown = JSON.stringify(entry.path.slice(0, 200));
    if (!entry.path.startsWith('/'))
      throw new GantryError('tree_invalid', `${shown} is relative, expected "/" first`);

    if (entry.path !== '/') memberPath(Buffer.from(entry.path.slice(1)), 'the path', false);
    if (entry.type === 'symlink' && entry.mode !== 0o777) {
      const message = `the symlink ${shown} has mode ${entry.mode.toString(8)}, expected 777: Linux knows no other`;
      throw new GantryError('tree_invalid', message);
    }

    if (!tree.add(entry)) throw duplicateEntry(entry.path);
  }

  tree.entries();
  return ordered;
}

function metadataFile(name: string, text: string, mtime: number): Buffer {
  const content = Buffer.from(text);
  if (content.length > limits.moduleManifestBytesMax) {
    const message = `${name} has ${content.length} bytes, expected at most ${limits.moduleManifestBytesMax}`;
    throw new GantryError('payload_too_large', message);
  }

  const attributes = { mode: 0o644, uid: 0, gid: 0, mtime, mtime_ns: 0, size: content.length };
  const header = memberHeader(name, { path: `/${name}`, type: 'file', ...attributes });
  return Buffer.concat([header, content, Buffer.alloc(paddingOf(content.length))]);
}

const typeflags = {
  file: '0',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
} as const;
const nothing = Buffer.alloc(0);
const ascii = /^[\x20-\x7e]*$/;

/**
 * One member's header block. A pax header precedes it if a field needs one.
 * @param link the name of the earlier member to which this one is a hard link
 */
export function memberHeader(member: string, entry: TreeEntry, link?: string): Buffer {
  const records: [string, Uint8Array][] = [];
  const text = (key: string, value: string, max: number): Buffer => {
    const bytes = Buffer.from(value);
    if (bytes.length <= max && ascii.test(value)) return bytes;
    records.push([key, bytes]);
    return nothing;
  };

  const number = (key: string, value: number, max: number): number => {
    if (value <= max) return value;
    records.push([key, Buffer.from(String(value))]);
    return 0;
  };

  const name = text('path', member, 100);
  const linkName = text('linkpath', link ?? entry.target ?? '', 100);
  const uid = number('uid', entry.uid, octal7Max);
  const gid = number('gid', entry.gid, octal7Max);

  const size = number(
    'size',
    entry.type === 'file' && link === undefined ? entry.size : 0,
    octal11Max,
  );

  const plainTime = entry.mtime >= 0 && entry.mtime <= octal11Max;
  if (!plainTime || entry.mtime_ns !== 0) {
    records.push(['mtime', Buffer.from(encodePaxTime(entry.mtime, entry.mtime_ns))]);
  }

  const xattrs = Object.entries(entry.xattrs ?? {}).sort(([a], [b]) => compareBytes(a, b));
  for (const [key, value] of xattrs) records.push([xattrKey(key), Buffer.from(value, 'base64')]);
  const { major, minor } = deviceMajorMinor(entry.rdev ?? 0);

  const header = encodeHeader({
    // A reader without pax support still gets a name that identifies the member.
    name: name === nothing ? Buffer.from('rootfs/@PaxPath') : name,
    linkName,
    typeflag: link === undefined ? typeflags[entry.type] : '1',
    mode: entry.mode,
    uid,
    gid,
    size,
    mtime: plainTime ? entry.mtime : 0,
    devMajor: major,
    devMinor: minor,
  });

  return records.length === 0 ? header : Buffer.concat([paxHeader(records), header]);
}

function paxHeader(records: [string, Uint8Array][]): Buffer {
  const body = encodePax(records);
  if (body.length > limits.paxHeaderBytesMax) {
    const message = `the extended attributes of a file have ${body.length} bytes, expected at most ${limits.paxHeaderBytesMax}`;
    throw new GantryError('tree_invalid', message);
  }

  const header = encodeHeader({
    name: Buffer.from('PaxHeader'),
    linkName: nothing,
    typeflag: 'x',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.length,
    mtime: 0,
    devMajor: 0,
    devMinor: 0,
  });

  return Buffer.concat([header, body, Buffer.alloc(paddingOf(body.length))]);
}

/**
 * Passes a file's content on. It fails if the file changed since it was hashed, because ingest
 * would refuse the archive.
 */
async function* checkedContent(
  entry: TreeEntry,
  content: AsyncIterable<Uint8Array> | Uint8Array,
): AsyncGenerator<Uint8Array> {
  const verity = new FsVerity();
  let size = 0;

  for await (const chunk of content instanceof Uint8Array ? [content] : content) {
    size += chunk.length;
    if (size > entry.size) break;
    verity.update(chunk);
    yield chunk;
  }

  if (size === entry.size && verity.digestHex() === entry.verity) return;
  const message = `${JSON.stringify(entry.path)} changed while the archive was written: expected ${entry.size} bytes with the fs-verity digest ${entry.verity}`;
  throw new GantryError('io_error', message, { found: size });
}

export async function* inPieces(
  parts: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void, void> {
  let held: Uint8Array[] = [];
  let bytes = 0;

  for await (const part of parts) {
    held.push(part);
    bytes += part.length;
    if (bytes < outputBytes) continue;

    yield Buffer.concat(held);
    held = [];
    bytes = 0;
  }

  if (bytes > 0) yield Buffer.concat(held);
}
