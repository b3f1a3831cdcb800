import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { FsVerity } from '../shared/composefs/index.ts';

const bufferBytes = 1024 ** 2;
const buffer = Buffer.allocUnsafe(bufferBytes);

/**
 * Answers whether files hold what they should. With a memory it reads a file again only when its inode, size or change
 * time differ from when it was last found right: what `gantry agent run` does between its full looks.
 */
export class ContentCheck {
  readonly #seen: Map<string, string> | undefined;

  constructor(options: { remember: boolean }) {
    this.#seen = options.remember ? new Map() : undefined;
  }

  /** Reads everything anew from here on. */
  forget(): void {
    this.#seen?.clear();
  }

  /** Whether the regular file at a path has this fs-verity digest and size. Never follows a link in the last place. */
  holds(path: string, verity: string, size: number): boolean {
    // Without O_NONBLOCK a fifo in a file's place would stop the agent.
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = fstatSync(file, { bigint: true });
      if (!stat.isFile() || stat.size !== BigInt(size)) return false;
      const key = `${verity} ${stat.dev} ${stat.ino} ${stat.mtimeNs} ${stat.ctimeNs}`;
      if (this.#seen?.get(path) === key) return true;
      const right = digestOf(file) === verity;
      if (right) this.#seen?.set(path, key);
      return right;
    } finally {
      closeSync(file);
    }
  }
}

function digestOf(file: number): string {
  const verity = new FsVerity();
  for (;;) {
    const read = readSync(file, buffer, 0, bufferBytes, null);
    if (read === 0) return verity.digestHex();
    verity.update(buffer.subarray(0, read));
  }
}

/** Lets signals and timers run in a long synchronous walk: await it once an entry. */
export function breather(every = 256): () => Promise<void> | undefined {
  let count = 0;
  return () => {
    count++;
    return count % every === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined;
  };
}
