import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { FsVerity } from '../../shared/composefs/index.ts';

const bufferBytes = 1024 ** 2;
const buffer = Buffer.allocUnsafe(bufferBytes);

/**
 * Checks whether files hold what they should. With a memory, it reads a file again only when its
 * inode, size or change time differs from when it was last right: `gantry agent run` does so
 * between its full looks.
 */
export class ContentCheck {
  readonly #seen: Map<string, string> | undefined;

  constructor(options: { remember: boolean }) {
    this.#seen = options.remember ? new Map() : undefined;
  }

  /** Makes the next check of every file read it. */
  forget(): void {
    this.#seen?.clear();
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

      const key = `${verity} ${stat.dev} ${stat.ino} ${stat.mtimeNs} ${stat.ctimeNs}`;
      if (this.#seen?.get(path) === key) return true;

      const isRight = readDigest(file) === verity;
      if (isRight) this.#seen?.set(path, key);
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
