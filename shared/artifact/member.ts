import { GantryError } from '../base/error.ts';
import { FsVerity } from '../composefs/index.ts';
import type { EntryType, TreeEntry } from '../domain/files/index.ts';
import { deviceNumber } from './device.ts';
import { inlineBytesMax } from './module-tar.ts';
import type { TarMember } from './tar-member.ts';
import type { TarEvent } from './tar-parser.ts';
import { shownMember, symlinkTarget } from './tar-path.ts';

/**
 * Receives the content of one file while the archive streams by. It may use a chunk until the
 * returned promise settles.
 */
export interface FileSink {
  write(chunk: Uint8Array): void | Promise<void>;
  /** @param verity fs-verity digest of the whole content, 64 hex digits. */
  end(verity: string): void | Promise<void>;
}

const entryTypes: Record<TarMember['typeflag'], EntryType> = {
  '0': 'file',
  '1': 'file',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

export interface EntryRules {
  /** Whether character and block devices are accepted. */
  allowDevices: boolean;
  /** The size of the archive, and therefore the most that each of its files can have. */
  bytesMax: number;
}

/**
 * Returns the tree entry for a member that is not a hard link.
 * @throws GantryError `layer_too_large`, `tar_device_refused`, `tar_malformed`, `tar_path_…` (a
 * symlink's target)
 */
export function treeEntry(path: string, member: TarMember, rules: EntryRules): TreeEntry {
  const type = entryTypes[member.typeflag];
  if (member.size > rules.bytesMax) {
    throw layerTooLarge(
      `${shownMember(path)} states ${member.size} bytes, the layer may have ${rules.bytesMax}`,
      rules.bytesMax,
    );
  }

  const { uid, gid, mtime, mtimeNs: mtime_ns, xattrs } = member;
  // Linux gives every symlink this mode and ignores the one in the archive.
  const mode = type === 'symlink' ? 0o777 : member.mode;
  const entry: TreeEntry = { path, type, mode, uid, gid, mtime, mtime_ns, size: member.size };

  if (type === 'symlink') {
    entry.target = symlinkTarget(member.linkName, path);
    entry.size = Buffer.byteLength(entry.target);
  }

  if (type === 'character' || type === 'block') {
    if (!rules.allowDevices) {
      const message = `${shownMember(path)} is a ${type} device ${member.devMajor}:${member.devMinor}, expected none without allow_devices`;
      throw new GantryError('tar_device_refused', message, { found: path });
    }
    entry.rdev = deviceNumber(member.devMajor, member.devMinor, path);
  }

  if (xattrs) entry.xattrs = xattrs;
  return entry;
}

export function layerTooLarge(message: string, expected: number): GantryError {
  return new GantryError('layer_too_large', message, { expected });
}

/** Content that is currently read: into memory, through the digest, or both. */
interface OpenFile {
  kept: Buffer[] | undefined;
  verity: FsVerity | undefined;
  sink: FileSink | undefined;
  done: (content: Buffer | undefined, verity: string | undefined) => void;
}

/** Reads the content of the current member. Content of a member that was not opened is skipped. */
export class MemberContent {
  #file: OpenFile | undefined;

  open(file: OpenFile): void {
    this.#file = file;
  }

  /**
   * Opens a file of the tree. Its entry gets the offset, the digest and, for a short file, the
   * bytes.
   */
  openFile(entry: TreeEntry, member: TarMember, sink: FileSink | undefined): void {
    entry.offset = member.offset;
    this.#file = {
      kept: member.size <= inlineBytesMax ? [] : undefined,
      verity: new FsVerity(),
      sink,
      done: (content, verity) => {
        if (content) entry.content = content.toString('base64');
        if (verity) entry.verity = verity;
      },
    };
  }

  take(event: Exclude<TarEvent, { kind: 'member' }>): void | Promise<void> {
    const file = this.#file;
    if (!file) return;

    if (event.kind === 'data') {
      file.verity?.update(event.bytes);
      // A copy, because the source may reuse the chunk.
      file.kept?.push(Buffer.from(event.bytes));
      return file.sink?.write(event.bytes);
    }

    this.#file = undefined;
    const verity = file.verity?.digestHex();

    file.done(file.kept && Buffer.concat(file.kept), verity);
    if (verity !== undefined) return file.sink?.end(verity);
  }
}
