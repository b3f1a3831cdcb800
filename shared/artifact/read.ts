import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { composefsImage } from '../composefs/index.ts';
import type { TreeEntry } from '../domain/files/index.ts';
import { type FileSink, layerTooLarge, MemberContent, treeEntry } from './member.ts';
import { digestMember, type ModuleTar, manifestMember, rootMember } from './module-tar.ts';
import { ModuleTree } from './module-tree.ts';
import { decodeUtf8 } from './pax.ts';
import { tarMalformed } from './tar-header.ts';
import type { TarMember } from './tar-member.ts';
import { type TarEvent, TarParser } from './tar-parser.ts';
import { memberPath } from './tar-path.ts';

export interface ReadModuleTarOptions {
  /**
   * Accept character and block devices (the module row's `allow_devices`). Whiteouts are devices
   * too.
   */
  allowDevices: boolean;
  /** Bytes of the whole archive; defaults to `limits.layerBytesMax`. */
  layerBytesMax?: number;
  /** Entries at and below `rootfs/`; defaults to `limits.layerEntriesMax`. */
  layerEntriesMax?: number;
  /**
   * Called for every file with content, except hard links. The returned sink receives the content.
   */
  onFile?: (file: { path: string; size: number; offset: number }) => FileSink | undefined;
}

/**
 * Reads a module tar as hostile input, in one pass. It keeps only the index, one header and files
 * of up to 64 bytes in memory.
 *
 * It accepts more than `writeModuleTar` writes:
 * - ustar, pax and GNU archives in the forms that GNU tar, bsdtar and git write
 * - members in any order, and a directory's entry twice
 * - one `./` before every name
 * - hard links to earlier entries: each becomes an entry of its own with the attributes of its
 *   target, as after `link(2)`
 *
 * It refuses everything that two extractors could interpret differently, and every member other
 * than `manifest.json`, `composefs-digest` and `rootfs/`.
 *
 * @throws GantryError with a `tar_…` or `layer_…` code; errors of the source pass through
 */
export async function readModuleTar(
  source: AsyncIterable<Uint8Array>,
  options: ReadModuleTarOptions,
): Promise<ModuleTar> {
  const bytesMax = options.layerBytesMax ?? limits.layerBytesMax;
  const parser = new TarParser();
  const reader = new ModuleReader(options, bytesMax);
  let size = 0;

  for await (const chunk of source) {
    size += chunk.length;
    if (size > bytesMax) throw layerTooLarge(`the layer has more than ${bytesMax} bytes`, bytesMax);

    for (const event of parser.push(chunk)) {
      const busy = reader.take(event);
      if (busy !== undefined) await busy;
    }
  }

  parser.end();
  return reader.finish(size);
}

/**
 * Recomputes the composefs digest of the tree.
 * @returns the verified digest, 64 hex digits
 * @throws GantryError `composefs_digest_mismatch` when the archive states another digest
 */
export function verifyModuleTar(tar: Pick<ModuleTar, 'entries' | 'claimedComposefsDigest'>): {
  digest: string;
} {
  const { digest } = composefsImage(tar.entries);
  const claimed = tar.claimedComposefsDigest;
  if (digest === claimed) return { digest };

  const message = `${digestMember} states ${claimed}, but the tree has the composefs digest ${digest}`;
  throw new GantryError('composefs_digest_mismatch', message, { expected: digest, found: claimed });
}

/** Interprets the parser's events as a module. */
class ModuleReader {
  readonly #options: ReadModuleTarOptions;
  readonly #bytesMax: number;
  readonly #tree: ModuleTree;
  readonly #outside = new Set<string>();
  readonly #content = new MemberContent();
  #manifestJson: string | undefined;
  #claimedDigest: string | undefined;

  constructor(options: ReadModuleTarOptions, bytesMax: number) {
    this.#options = options;
    this.#bytesMax = bytesMax;
    this.#tree = new ModuleTree(options.layerEntriesMax);
  }

  take(event: TarEvent): void | Promise<void> {
    if (event.kind === 'member') return this.#open(event.member);
    return this.#content.take(event);
  }

  finish(size: number): ModuleTar {
    if (this.#manifestJson === undefined) {
      throw new GantryError(
        'tar_manifest_missing',
        `the archive has no ${manifestMember}, expected one at its top`,
      );
    }

    if (this.#claimedDigest === undefined) {
      throw new GantryError(
        'tar_digest_missing',
        `the archive has no ${digestMember}, expected one at its top`,
      );
    }

    return {
      manifestJson: this.#manifestJson,
      claimedComposefsDigest: this.#claimedDigest,
      entries: this.#tree.entries(),
      size,
    };
  }

  #open(member: TarMember): void {
    const path = memberPath(member.name, 'the entry', member.typeflag === '5');
    if (path === rootMember) this.#openEntry('/', member);
    else if (path.startsWith(`${rootMember}/`))
      this.#openEntry(path.slice(rootMember.length), member);
    else this.#openOutside(path, member);
  }

  #openOutside(path: string, member: TarMember): void {
    const known =
      path === '.' ? member.typeflag === '5' : path === manifestMember || path === digestMember;
    if (!known || (path !== '.' && member.typeflag !== '0')) {
      const message = `the archive has ${JSON.stringify(path.slice(0, 200))} of type "${member.typeflag}"; expected only the files ${manifestMember} and ${digestMember}, and ${rootMember}/`;
      throw new GantryError('tar_entry_unexpected', message, { found: path });
    }

    if (this.#outside.has(path)) {
      throw new GantryError(
        'tar_duplicate_entry',
        `"${path}" is in the archive twice, expected once`,
        { found: path },
      );
    }

    this.#outside.add(path);
    if (path === '.') return;
    if (member.size > limits.moduleManifestBytesMax) {
      const message = `${path} has ${member.size} bytes, expected at most ${limits.moduleManifestBytesMax}`;
      throw tarMalformed(message, { expected: limits.moduleManifestBytesMax, found: member.size });
    }

    const done =
      path === manifestMember
        ? (content: Buffer | undefined) => {
            this.#manifestJson = manifestText(content);
          }
        : (content: Buffer | undefined) => {
            this.#claimedDigest = statedDigest(content);
          };

    this.#content.open({ kept: [], verity: undefined, sink: undefined, done });
  }

  #openEntry(path: string, member: TarMember): void {
    const entry =
      member.typeflag === '1' ? this.#hardLink(path, member) : this.#entry(path, member);
    this.#tree.add(entry);
    if (entry.type !== 'file' || member.size === 0) return;

    this.#content.openFile(
      entry,
      member,
      this.#options.onFile?.({ path, size: member.size, offset: member.offset }),
    );
  }

  #entry(path: string, member: TarMember): TreeEntry {
    return treeEntry(path, member, {
      allowDevices: this.#options.allowDevices,
      bytesMax: this.#bytesMax,
    });
  }

  #hardLink(path: string, member: TarMember): TreeEntry {
    const target = memberPath(
      member.linkName,
      `the target of the hard link "${rootMember}${path}",`,
      false,
    );

    if (!target.startsWith(`${rootMember}/`)) {
      const message = `the hard link "${rootMember}${path}" names ${JSON.stringify(target)}, expected a file below ${rootMember}/`;
      throw new GantryError('tar_hardlink_invalid', message, { found: target });
    }

    return { ...this.#tree.hardLinkTarget(target.slice(rootMember.length), path), path };
  }
}

function manifestText(content: Buffer | undefined): string {
  const text = decodeUtf8(content ?? Buffer.alloc(0));
  if (text === undefined) throw tarMalformed(`${manifestMember} is not UTF-8`);
  return text;
}

function statedDigest(content: Buffer | undefined): string {
  const text = content?.toString('latin1') ?? '';
  const digest = /^([0-9a-f]{64})\n$/.exec(text)?.[1];
  if (digest !== undefined) return digest;

  const message = `${digestMember} holds ${JSON.stringify(text.slice(0, 80))}, expected 64 hex digits and a newline`;
  throw new GantryError('tar_digest_missing', message, { found: text.slice(0, 80) });
}
