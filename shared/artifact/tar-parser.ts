import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { decodePax, type PaxAttributes, paxAttributes, requireIdleRecords } from './pax.ts';
import {
  blockBytes,
  decodeHeader,
  isZero,
  paddingOf,
  type TarHeader,
  tarMalformed,
} from './tar-header.ts';
import { resolveMember, type TarMember } from './tar-member.ts';

/**
 * `data` is a view into the pushed chunk. `close` follows every member, even one without content.
 */
export type TarEvent =
  | { kind: 'member'; member: TarMember }
  | { kind: 'data'; bytes: Buffer }
  | { kind: 'close' };

/** A pax header for the next entry or for all entries, a GNU long name, a GNU long link name. */
const extensionTypes = new Set(['x', 'g', 'L', 'K']);

/** The longest GNU long name of a legal path: the path, `./rootfs/` and the terminating NUL. */
const longNameBytesMax = limits.pathBytesMax + 16;

/**
 * The framing of a tar as a state machine: it takes chunks and emits members with their content. It
 * knows the ustar, pax and GNU long name forms, and refuses everything that two readers could
 * interpret differently. It does not interpret the names.
 *
 * Invariants: `size` counts all pushed bytes. The parser holds at most one header block or one
 * extension body, and both have a limit. Extensions apply only to the member that directly follows
 * them.
 */
export class TarParser {
  #state: 'block' | 'extension' | 'data' | 'padding' | 'end' = 'block';
  #size = 0;
  /** Collects a header block or the body of an extension across chunks. */
  #held = Buffer.alloc(blockBytes);
  #heldBytes = 0;
  /** Remaining bytes of content or padding. */
  #left = 0;
  #padding = 0;
  #extension: { typeflag: string; offset: number } | undefined;
  #pax: PaxAttributes | undefined;
  #longName: Buffer | undefined;
  #longLink: Buffer | undefined;
  #zeroBlocks = 0;

  get size(): number {
    return this.#size;
  }

  /**
   * Reads the next chunk.
   * @throws GantryError `tar_malformed`, `tar_sparse_refused`, `tar_entry_type_unsupported`,
   * `tar_xattr_invalid`
   */
  *push(chunk: Uint8Array): Generator<TarEvent, void, void> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + this.#wanted());
      at += part.length;

      if (this.#state === 'data' || this.#state === 'padding') yield* this.#takeRun(part);
      else if (this.#state === 'end') this.#takeTail(part);
      else yield* this.#takeHeld(part);
    }
  }

  /** The most bytes that the current state accepts. */
  #wanted(): number {
    if (this.#state === 'data' || this.#state === 'padding') return this.#left;
    return this.#state === 'end' ? Number.POSITIVE_INFINITY : this.#held.length - this.#heldBytes;
  }

  *#takeRun(part: Buffer): Generator<TarEvent, void, void> {
    this.#left -= part.length;
    if (this.#state === 'data') {
      yield { kind: 'data', bytes: part };
    } else if (!isZero(part)) {
      throw tarMalformed(
        `the padding before byte ${this.#size + part.length} is not zero, expected only zeros`,
      );
    }

    this.#size += part.length;
    if (this.#left === 0) yield* this.#finishRun();
  }

  #takeTail(part: Buffer): void {
    if (!isZero(part)) {
      throw tarMalformed(
        `bytes follow the end of the archive at byte ${this.#size}, expected only zeros`,
      );
    }
    this.#size += part.length;
  }

  *#takeHeld(part: Buffer): Generator<TarEvent, void, void> {
    part.copy(this.#held, this.#heldBytes);
    this.#heldBytes += part.length;
    this.#size += part.length;

    if (this.#heldBytes === this.#held.length) yield* this.#finishHeld();
  }

  /**
   * Must be called at the end of the source.
   * @param mayBeOpen accepts an archive that stops behind a whole member, as some builders of
   * images never write the end
   * @throws GantryError `tar_truncated` unless the archive ended with two whole zero blocks
   */
  end({ mayBeOpen = false } = {}): void {
    const open = this.#state === 'block' && this.#heldBytes === 0 && !this.#isExtended();
    const ended = this.#state === 'end' && this.#size % blockBytes === 0;
    if (!ended && !(mayBeOpen && open)) {
      throw new GantryError(
        'tar_truncated',
        `the archive stops at byte ${this.#size}, expected whole blocks up to two of zeros`,
        { found: this.#size },
      );
    }
  }

  *#finishRun(): Generator<TarEvent, void, void> {
    if (this.#state === 'data') {
      yield { kind: 'close' };
      this.#left = this.#padding;
      this.#state = this.#left > 0 ? 'padding' : 'block';
    } else {
      this.#state = 'block';
    }
  }

  *#finishHeld(): Generator<TarEvent, void, void> {
    const held = this.#held;
    this.#heldBytes = 0;

    if (this.#state === 'extension') {
      this.#held = Buffer.alloc(blockBytes);
      this.#applyExtension(held);
      this.#state = this.#padding > 0 ? 'padding' : 'block';
      this.#left = this.#padding;
    } else if (isZero(held)) {
      this.#finishZeroBlock();
    } else {
      if (this.#zeroBlocks > 0)
        throw tarMalformed(`a lone zero block ends before byte ${this.#size}, expected two`);
      yield* this.#startMember(decodeHeader(held, this.#size - blockBytes));
    }
  }

  /** Whether extensions wait for the header to which they apply. */
  #isExtended(): boolean {
    return Boolean(this.#pax || this.#longName || this.#longLink);
  }

  #finishZeroBlock(): void {
    if (this.#isExtended()) {
      throw tarMalformed(
        `the archive ends at byte ${this.#size} behind an extended header, expected its entry`,
      );
    }

    this.#zeroBlocks++;
    if (this.#zeroBlocks === 2) this.#state = 'end';
  }

  *#startMember(header: TarHeader): Generator<TarEvent, void, void> {
    if (extensionTypes.has(header.typeflag)) {
      this.#startExtension(header);
      return;
    }

    const member = resolveMember(header, {
      pax: this.#pax,
      longName: this.#longName,
      longLink: this.#longLink,
      offset: this.#size,
    });

    this.#pax = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;
    yield { kind: 'member', member };
    if (member.size === 0) {
      yield { kind: 'close' };
      return;
    }

    this.#state = 'data';
    this.#left = member.size;
    this.#padding = paddingOf(member.size);
  }

  #startExtension(header: TarHeader): void {
    const offset = this.#size - blockBytes;
    const isGnu = header.typeflag === 'L' || header.typeflag === 'K';
    const max = isGnu ? longNameBytesMax : limits.paxHeaderBytesMax;

    if (header.size < 1 || header.size > max) {
      throw tarMalformed(
        `extended header at byte ${offset} has ${header.size} bytes, expected 1 to ${max}`,
        {
          expected: max,
          found: header.size,
        },
      );
    }

    // A name and a link name of GNU's go together, nothing else does.
    const twin = header.typeflag === 'L' ? this.#longName : this.#longLink;
    if (isGnu ? twin || this.#pax : this.#isExtended()) {
      throw tarMalformed(
        `extended header at byte ${offset} is a second one for its entry, expected one of a kind`,
      );
    }

    this.#extension = { typeflag: header.typeflag, offset };
    this.#state = 'extension';
    this.#held = Buffer.alloc(header.size);
    this.#padding = paddingOf(header.size);
  }

  #applyExtension(body: Buffer): void {
    const { typeflag, offset } = this.#extension as { typeflag: string; offset: number };
    if (typeflag === 'g') {
      requireIdleRecords(decodePax(body, offset), offset);
      return;
    }

    if (typeflag === 'x') {
      this.#pax = paxAttributes(decodePax(body, offset), offset);
      return;
    }

    // GNU tar ends the name with one NUL. The check of the path refuses a NUL inside.
    const name = body.at(-1) === 0 ? body.subarray(0, -1) : body;
    if (typeflag === 'L') this.#longName = name;
    else this.#longLink = name;
  }
}
