import { hash } from 'node:crypto';

/** Size of data and tree blocks in bytes: the default of composefs and `fsverity digest`. */
const blockBytes = 4096;
const hashBytes = 32;
const hashesPerBlock = blockBytes / hashBytes;

/** One level of the Merkle tree: the current block, and the number of hashes in the whole level. */
interface Level {
  block: Buffer;
  hashes: number;
}

/**
 * Streaming fs-verity digest of a file: SHA-256, 4096-byte blocks, no salt, version 1 descriptor
 * (Linux, Documentation/filesystems/fsverity.rst). It keeps one block per level of the tree, at
 * most 28 KiB for any file.
 */
export class FsVerity {
  readonly #levels: Level[] = [];
  #pending: Buffer | undefined;
  #pendingBytes = 0;
  #size = 0;
  #digest: string | undefined;

  /** Adds the next bytes of the file. The caller may reuse the chunk afterwards. */
  update(chunk: Uint8Array): this {
    if (this.#digest !== undefined)
      throw new TypeError('FsVerity.update was called after digestHex');

    this.#size += chunk.length;
    let at = 0;

    if (this.#pendingBytes > 0) {
      at = this.#hold(chunk);
      if (this.#pendingBytes < blockBytes) return this;
      this.#add(0, sha256(this.#pendingBlock()));
      this.#pendingBytes = 0;
    }

    for (; at + blockBytes <= chunk.length; at += blockBytes)
      this.#add(0, sha256(chunk.subarray(at, at + blockBytes)));
    if (at < chunk.length) this.#hold(chunk.subarray(at));
    return this;
  }

  /**
   * Ends the stream and returns the file's digest, 64 hex digits. Further calls return the same
   * digest.
   */
  digestHex(): string {
    this.#digest ??= this.#finish();
    return this.#digest;
  }

  #pendingBlock(): Buffer {
    this.#pending ??= Buffer.alloc(blockBytes);
    return this.#pending;
  }

  /** Fills the pending block from the chunk and returns how many bytes of the chunk it took. */
  #hold(chunk: Uint8Array): number {
    const taken = Math.min(blockBytes - this.#pendingBytes, chunk.length);
    this.#pendingBlock().set(chunk.subarray(0, taken), this.#pendingBytes);
    this.#pendingBytes += taken;
    return taken;
  }

  /** Adds a hash to a level. A full block becomes one hash of the level above. */
  #add(index: number, digest: Buffer): void {
    let level = this.#levels[index];
    if (!level) {
      level = { block: Buffer.alloc(blockBytes), hashes: 0 };
      this.#levels[index] = level;
    }

    level.block.set(digest, (level.hashes % hashesPerBlock) * hashBytes);
    level.hashes++;
    if (level.hashes % hashesPerBlock === 0) this.#add(index + 1, sha256(level.block));
  }

  #rootHash(): Buffer {
    if (this.#size === 0) return Buffer.alloc(hashBytes);
    if (this.#pendingBytes > 0)
      this.#add(0, sha256(this.#pendingBlock().fill(0, this.#pendingBytes)));

    for (let index = 0; ; index++) {
      const level = this.#levels[index] as Level;
      if (level.hashes === 1) return level.block.subarray(0, hashBytes);
      const used = (level.hashes % hashesPerBlock) * hashBytes;
      if (used > 0) this.#add(index + 1, sha256(level.block.fill(0, used)));
    }
  }

  #finish(): string {
    const descriptor = Buffer.alloc(256);
    descriptor[0] = 1; // version
    descriptor[1] = 1; // FS_VERITY_HASH_ALG_SHA256
    descriptor[2] = 12; // log2 of the block size
    descriptor.writeBigUInt64LE(BigInt(this.#size), 8);
    descriptor.set(this.#rootHash(), 16);

    return sha256(descriptor).toString('hex');
  }
}

/** Returns the fs-verity digest of bytes in memory, 64 hex digits; see FsVerity. */
export function fsVerityDigest(bytes: Uint8Array): string {
  return new FsVerity().update(bytes).digestHex();
}

function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}
