import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { type TarMember, TarParser } from '../../artifact/index.ts';
import { GantryError, isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { decodeName } from './decode-name.ts';
import { type ExtensionTree, TreeBuilder, unsafe } from './tree.ts';

/** Headers and padding of an archive with as many entries as an extension may have. */
const tarBytesMax = limits.extensionBytesMax + limits.extensionEntriesMax * 4096;

/**
 * @throws GantryError `archive_invalid`, `archive_unsafe`, `archive_too_large`, or a `tar_…` code
 */
export async function readTarGz(archive: Buffer): Promise<ExtensionTree> {
  const builder = new TreeBuilder();
  const parser = new TarParser();
  const reader = new MemberReader(builder);

  try {
    for await (const chunk of Readable.from([archive]).pipe(createGunzip())) {
      for (const event of parser.push(chunk as Buffer)) {
        if (event.kind === 'member') reader.open(event.member);
        else if (event.kind === 'data') reader.take(event.bytes);
        else reader.close();
      }

      if (parser.size > tarBytesMax) {
        const message = `expected a tar of at most ${tarBytesMax} bytes, found more`;
        throw new GantryError('archive_too_large', message);
      }
    }
    parser.end();
  } catch (error) {
    if (isGantryError(error)) throw error;
    const message = `expected a gzip archive that can be read, found: ${(error as Error).message}`;
    throw new GantryError('archive_invalid', message, { cause: error });
  }

  return builder.finish();
}

/** Puts the members of a tar into a tree, one after the other. */
class MemberReader {
  readonly #builder: TreeBuilder;
  readonly #files = new Map<string, { executable: boolean; bytes: Buffer }>();
  #open: TarMember | undefined;
  #chunks: Buffer[] = [];

  constructor(builder: TreeBuilder) {
    this.#builder = builder;
  }

  open(member: TarMember): void {
    if (member.size > this.#builder.bytesLeft) {
      const message = `expected files of at most ${limits.extensionBytesMax} bytes, found more`;
      throw new GantryError('archive_too_large', message);
    }

    this.#open = member;
    this.#chunks = [];
  }

  /** Bytes are views into a chunk, which the copy at the end of the member leaves alone. */
  take(bytes: Buffer): void {
    this.#chunks.push(bytes);
  }

  close(): void {
    const member = this.#open;
    if (member !== undefined) add[member.typeflag]?.(this, member);
    this.#open = undefined;
  }

  addFile({ name, mode }: TarMember): void {
    const file = { executable: (mode & 0o111) !== 0, bytes: Buffer.concat(this.#chunks) };
    const path = decodeName(name);
    this.#files.set(withoutDot(path), file);
    this.#builder.addFile(path, file.executable, file.bytes);
  }

  addHardLink({ name, linkName }: TarMember): void {
    const target = decodeName(linkName);
    const file = this.#files.get(withoutDot(target));
    if (file === undefined) {
      throw unsafe(
        `expected a hard link to a file before it, found one to ${JSON.stringify(target)}`,
      );
    }
    this.#builder.addFile(decodeName(name), file.executable, file.bytes);
  }

  addLink({ name, linkName }: TarMember): void {
    this.#builder.addLink(decodeName(name), decodeName(linkName));
  }

  addDirectory({ name }: TarMember): void {
    this.#builder.addDirectory(decodeName(name));
  }

  refuse({ name }: TarMember): void {
    const shown = JSON.stringify(decodeName(name));
    throw unsafe(`expected files, directories and links, found a special file ${shown}`);
  }
}

/** `tar -c .` writes `./` before every name. */
function withoutDot(path: string): string {
  return path.replace(/^\.\//, '');
}

type Add = (reader: MemberReader, member: TarMember) => void;

const refuse: Add = (reader, member) => reader.refuse(member);

const add: Record<TarMember['typeflag'], Add> = {
  '0': (reader, member) => reader.addFile(member),
  '1': (reader, member) => reader.addHardLink(member),
  '2': (reader, member) => reader.addLink(member),
  '3': refuse,
  '4': refuse,
  '5': (reader, member) => reader.addDirectory(member),
  '6': refuse,
};
