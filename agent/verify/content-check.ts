import { hash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { FsVerity } from '../../shared/composefs/index.ts';
import type { FileMemory } from './file-memory.ts';

const bufferBytes = 1024 ** 2;
const buffer = Buffer.allocUnsafe(bufferBytes);

/**
 * A file that changed this recently is not remembered: a later change may get the same time, which
 * the kernel takes from a clock with ticks of up to 10 ms.
 */
export const settledMs = 1000;

/** 128 bits: enough that no two files of a machine have the same key. */
const keyLength = 22;

/**
 * Checks whether files hold what they should. It reads a file again only when its inode, size or
 * times differ from when it was last right, or when the memory is due for a full look.
 */
export class ContentCheck {
  readonly #memory: FileMemory | undefined;

  /** Without a memory it reads every file each time. */
  constructor(memory?: FileMemory) {
    this.#memory = memory;
  }

  /** Begins a look at all files: each that is not checked before `endLook` is forgotten. */
  async beginLook(): Promise<void> {
    await this.#memory?.beginLook();
  }

  /** When the look began that read every file, in seconds since the boot. */
  get fullLookS(): number | undefined {
    return this.#memory?.fullLookS;
  }

  /** Makes the next check of every file read it. */
  forget(): void {
    this.#memory?.forget();
  }

  async endLook(): Promise<void> {
    await this.#memory?.save();
  }

  /**
   * Whether the regular file at a path has this fs-verity digest and size. The last part of the
   * path may be no link.
   */
  holds(path: string, verity: string, size: number): boolean {
    // Without O_NONBLOCK a fifo in place of a file would block the agent.
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(file, { bigint: true });
      if (!stat.isFile() || stat.size !== BigInt(size)) return false;

      const facts = [path, verity, stat.dev, stat.ino, stat.size, stat.mtimeNs, stat.ctimeNs];
      // A NUL is in no path, so two files never have the same facts.
      const key = hash('sha256', facts.join('\0'), 'base64url').slice(0, keyLength);
      if (this.#memory?.has(key) === true) return true;

      const isSettled = Date.now() - Number(stat.ctimeMs) > settledMs;
      const isRight = readDigest(file) === verity;
      if (isRight && isSettled) this.#memory?.add(key);
      return isRight;
    } finally {
      closeSync(file);
    }
  }
}

function readDigest(file: number): string {
  const verity = new FsVerity();
  for (;;) {
    const read = readSync(file, buffer, 0, bufferBytes, null);
    if (read === 0) return verity.digestHex();
    verity.update(buffer.subarray(0, read));
  }
}

/**
 * Lets signals and timers run during a long synchronous walk: await the returned function once for
 * each entry.
 */
export function makeBreather(every = 256): () => Promise<void> | undefined {
  let count = 0;
  return () => {
    count++;
    return count % every === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined;
  };
}
