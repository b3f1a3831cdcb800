import { compareBytes, type TreeEntry } from '../domain/files/index.ts';
import type { Placed } from './image-tree.ts';
import { blockBytes, paddingOf } from './tar-header.ts';
import { inPieces, memberHeader } from './write.ts';

/**
 * One member of a flattened image: an entry, and the earlier file if the member is a hard link to
 * it.
 */
interface FlatMember extends Placed {
  name: string;
  link: string | undefined;
}

/**
 * One tar of an image's whole tree. Entries without content come first, in byte order of their
 * names. The files follow in the order in which their content lies in the layers, so each layer is
 * read once, to its end. A file that shares the content of an earlier file becomes a hard link to
 * it. The same image gives the same bytes.
 *
 * @param open opens the layer's tar, uncompressed and verified
 */
export async function* flattenImage(
  placed: readonly Placed[],
  open: (layer: number) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer, void, void> {
  yield* inPieces(flatParts(membersOf(placed), open));
}

/**
 * The entries in the order in which `flattenImage` writes them, with the offsets of its tar. The
 * result is sorted by path, in byte order.
 */
export function flatEntries(placed: readonly Placed[]): TreeEntry[] {
  let at = 0;
  const offsets = new Map<string, number>();

  const entries = membersOf(placed).map(({ entry, name, link }): TreeEntry => {
    at += memberHeader(name, entry, link).length;
    if (entry.type !== 'file' || entry.size === 0) return entry;

    const offset = link === undefined ? at : (offsets.get(link) ?? 0);
    if (link === undefined) {
      offsets.set(name, at);
      at += entry.size + paddingOf(entry.size);
    }

    return { ...entry, offset };
  });

  return entries.sort((a, b) => compareBytes(a.path, b.path));
}

const hasContent = ({ entry }: Placed) => entry.type === 'file' && entry.size > 0;

function membersOf(placed: readonly Placed[]): FlatMember[] {
  const bare = placed
    .filter((one) => !hasContent(one))
    .map((one): FlatMember => ({ ...one, name: nameOf(one.entry), link: undefined }))
    .sort((a, b) => compareBytes(a.name, b.name));
  let first: FlatMember | undefined;
  const files = placed
    .filter(hasContent)
    .map((one): FlatMember => ({ ...one, name: nameOf(one.entry), link: undefined }))
    .sort((a, b) => a.layer - b.layer || offsetOf(a) - offsetOf(b) || compareBytes(a.name, b.name));

  for (const file of files) {
    if (first && first.layer === file.layer && offsetOf(first) === offsetOf(file))
      file.link = first.name;
    else first = file;
  }

  return [...bare, ...files];
}

const offsetOf = ({ entry }: Placed) => entry.offset ?? 0;

/** `/` → `./`, `/etc` → `etc/`. */
function nameOf({ path, type }: TreeEntry): string {
  if (path === '/') return './';
  return path.slice(1) + (type === 'directory' ? '/' : '');
}

async function* flatParts(
  members: readonly FlatMember[],
  open: (layer: number) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const files = members.filter(hasContent);
  for (const { entry, name, link } of members.slice(0, members.length - files.length)) {
    yield memberHeader(name, entry, link);
  }

  for (let start = 0; start < files.length; ) {
    const layer = files[start]?.layer ?? 0;
    const end = files.findIndex((file, index) => index > start && file.layer !== layer);
    const own = files.slice(start, end === -1 ? files.length : end);

    yield* filesOf(own, open(layer));
    start += own.length;
  }

  yield Buffer.alloc(2 * blockBytes);
}

/**
 * Cuts the files of one layer out of its tar. It reads the tar to the end, because only the end is
 * verified.
 */
async function* filesOf(
  files: readonly FlatMember[],
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let next = 0;
  let at = 0;
  let written = 0;

  for await (const chunk of source) {
    const until = at + chunk.length;
    for (
      let file = files[next];
      file !== undefined && offsetOf(file) + written < until;
      file = files[next]
    ) {
      if (file.link !== undefined) {
        yield memberHeader(file.name, file.entry, file.link);
        next++;
        continue;
      }

      if (written === 0) yield memberHeader(file.name, file.entry);
      const from = offsetOf(file) + written - at;
      const part = chunk.subarray(from, from + file.entry.size - written);

      yield part;
      written += part.length;
      if (written < file.entry.size) break;

      yield Buffer.alloc(paddingOf(file.entry.size));
      written = 0;
      next++;
    }

    at = until;
  }

  // Links to a file whose content ends with the last chunk.
  for (const { name, entry, link } of files.slice(next)) yield memberHeader(name, entry, link);
}
