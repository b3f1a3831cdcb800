import { type Entry, fromBufferPromise, type ZipFile } from 'yauzl';
import { GantryError, isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { decodeName } from './decode-name.ts';
import { type ExtensionTree, TreeBuilder, unsafe } from './tree.ts';

/** What an entry is, in the upper half of its attributes where Unix wrote the archive. */
const typeMask = 0o170000;
const types = { file: 0o100000, link: 0o120000, directory: 0o040000, none: 0 };

/** The host in `version made by` whose attributes hold a Unix mode. */
const unix = 3;

/** @throws GantryError `archive_invalid`, `archive_unsafe`, `archive_too_large` */
export async function readZip(archive: Buffer): Promise<ExtensionTree> {
  const builder = new TreeBuilder();
  try {
    const zip = await fromBufferPromise(archive, { decodeStrings: false, lazyEntries: true });
    if (zip.entryCount > limits.extensionEntriesMax) {
      const message = `expected at most ${limits.extensionEntriesMax} entries, found ${zip.entryCount}`;
      throw new GantryError('archive_too_large', message);
    }

    for await (const entry of zip.eachEntry()) await addEntry(zip, entry, builder);
  } catch (error) {
    if (isGantryError(error)) throw error;
    const message = `expected a zip archive that can be read, found: ${(error as Error).message}`;
    throw new GantryError('archive_invalid', message, { cause: error });
  }

  return builder.finish();
}

async function addEntry(zip: ZipFile, entry: Entry, builder: TreeBuilder): Promise<void> {
  // With `decodeStrings: false`, names are bytes.
  const name = decodeName(entry.fileName as unknown as Buffer);
  const mode = entry.versionMadeBy >>> 8 === unix ? entry.externalFileAttributes >>> 16 : 0;
  const type = mode & typeMask;
  if (entry.isEncrypted()) {
    throw new GantryError(
      'archive_invalid',
      `expected files that anybody can read, found ${JSON.stringify(name)} encrypted`,
    );
  }

  if (name.endsWith('/') || type === types.directory) {
    builder.addDirectory(name);
    return;
  }

  if (type !== types.file && type !== types.link && type !== types.none) {
    throw unsafe(
      `expected files, directories and links, found a special file ${JSON.stringify(name)}`,
    );
  }

  const bytes = await readContent(zip, entry, builder.bytesLeft);
  if (type === types.link) builder.addLink(name, decodeName(bytes));
  else builder.addFile(name, (mode & 0o111) !== 0, bytes);
}

/** The library ends a stream that has more bytes than the entry states. */
async function readContent(zip: ZipFile, entry: Entry, bytesMax: number): Promise<Buffer> {
  if (entry.uncompressedSize > bytesMax) {
    const message = `expected files of at most ${limits.extensionBytesMax} bytes, found more`;
    throw new GantryError('archive_too_large', message);
  }

  const chunks: Buffer[] = [];
  for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
