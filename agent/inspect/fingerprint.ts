import { createHash, type Hash } from 'node:crypto';
import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import { isRoot } from '../apply/tree-paths.ts';
import { errnoOf, isExhausted } from '../failure.ts';
import { makeBreather, settledMs } from '../verify/content-check.ts';

/** Names and attributes of files, as one value: equal values mean that nothing changed. */
export interface Fingerprint {
  digest: string;
  /**
   * False when something changed so recently that a later change may get the same time: the value
   * says nothing then.
   */
  isSettled: boolean;
}

/** A path to walk, and the paths below it to leave out. */
export interface Walked {
  top: string;
  skipped?: readonly string[];
}

/**
 * Takes the fingerprint of files and of everything below directories, without reading a file. Any
 * write gives a file another change time, which only the kernel sets.
 *
 * @returns undefined when something cannot be looked at
 * @throws the system's error when this process has no file descriptors or memory left to look
 */
export async function takeFingerprint(walked: readonly Walked[]): Promise<Fingerprint | undefined> {
  const latestMs = Date.now() - settledMs;
  const walk = new Walk();

  try {
    for (const { top, skipped = [] } of walked) await walk.take(top, new Set(skipped));
  } catch (error) {
    if (isExhausted(error) || errnoOf(error) === undefined) throw error;
    return undefined;
  }

  return { digest: walk.digest(), isSettled: walk.changedMs < latestMs };
}

class Walk {
  /** The latest change time. */
  changedMs = 0;
  readonly #hash: Hash = createHash('sha256');
  readonly #breathe = makeBreather();

  async take(top: string, skipped: ReadonlySet<string>): Promise<void> {
    const stat = lstatSync(top, { bigint: true, throwIfNoEntry: false });
    if (stat === undefined) {
      this.#hash.update(`${top}\0missing\0`);
      return;
    }

    this.#hash.update(this.#describe(top, stat));
    for (const open = stat.isDirectory() ? [top] : []; open.length > 0; ) {
      const directory = open.pop() as string;
      for (const path of await this.#takeEntries(directory, skipped)) open.push(path);
    }
  }

  digest(): string {
    return this.#hash.digest('hex');
  }

  /** Takes what is in a directory, and returns the directories in it. */
  async #takeEntries(directory: string, skipped: ReadonlySet<string>): Promise<string[]> {
    const found: string[] = [];
    let text = `${directory}\0`;

    for (const name of listDirectory(directory)) {
      await this.#breathe();

      const path = `${directory}/${name}`;
      if (skipped.has(path)) continue;
      const stat = lstatSync(path, { bigint: true });
      text += this.#describe(name, stat);
      if (stat.isDirectory()) found.push(path);
    }

    this.#hash.update(text);
    return found;
  }

  /** A NUL is in no name. An overlay may number its directories differently at any time. */
  #describe(name: string, stat: BigIntStats): string {
    const { dev, ino, mode, uid, gid, size, rdev, mtimeNs, ctimeNs } = stat;
    this.changedMs = Math.max(this.changedMs, Number(stat.ctimeMs));
    const place = stat.isDirectory() ? '' : `${dev} ${ino}`;
    return `${name}\0${place} ${mode} ${uid} ${gid} ${size} ${rdev} ${mtimeNs} ${ctimeNs}\0`;
  }
}

/** Sorted. An agent that is not root may not look into each directory of its roots. */
function listDirectory(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if (errnoOf(error) === 'EACCES' && !isRoot) return [];
    throw error;
  }
}
