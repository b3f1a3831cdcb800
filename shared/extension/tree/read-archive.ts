import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { readTarGz } from './read-tar-gz.ts';
import { readZip } from './read-zip.ts';
import type { ExtensionTree } from './tree.ts';

/** What an archive begins with. An empty zip has no entry before its end. */
const kinds: readonly { start: Buffer; read: (archive: Buffer) => Promise<ExtensionTree> }[] = [
  { start: Buffer.from('PK\x03\x04', 'latin1'), read: readZip },
  { start: Buffer.from('PK\x05\x06', 'latin1'), read: readZip },
  { start: Buffer.from('\x1f\x8b', 'latin1'), read: readTarGz },
];

/** Whether bytes begin like an archive, whatever their file is called. */
export function isArchive(bytes: Buffer): boolean {
  return kinds.some(({ start }) => bytes.subarray(0, start.length).equals(start));
}

/**
 * Reads a zip or tar.gz, whatever its file is called, as hostile input.
 * @throws GantryError `archive_invalid`, `archive_unsafe`, `archive_too_large`, or a `tar_…` code
 */
export async function readExtensionArchive(archive: Buffer): Promise<ExtensionTree> {
  const max = limits.extensionArchiveBytesMax;
  if (archive.length > max) {
    const message = `expected an archive of at most ${max} bytes, found ${archive.length}`;
    throw new GantryError('archive_too_large', message);
  }

  const kind = kinds.find(({ start }) => archive.subarray(0, start.length).equals(start));
  if (kind !== undefined) return kind.read(archive);

  const start = archive
    .subarray(0, 40)
    .toString('latin1')
    .replaceAll(/[^ -~]/g, '.');
  const what = /^\s*</.test(start) ? 'a web page' : 'a file';
  const message = `expected a .zip or .tar.gz, found ${what} that begins with ${JSON.stringify(start)}`;
  throw new GantryError('archive_invalid', message);
}
