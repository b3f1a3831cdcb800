import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mapConcurrently } from '../../../shared/base/concurrency.ts';
import { GantryError } from '../../../shared/base/error.ts';
import type { LockedPackage } from '../../../shared/packages/index.ts';
import { diskError } from './disk-error.ts';
import { runTool } from './run-tool.ts';
import { toolError } from './tool-errors.ts';

/** Downloads at one time; more do not help one mirror. */
const concurrentDownloads = 4;

/** Opens the bytes of a package in one place; undefined if it is not there. */
export type DebSource = (deb: LockedPackage) => Promise<AsyncIterable<Uint8Array> | undefined>;

/** `$XDG_CACHE_HOME/gantry`, where builds keep what they can use again. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'gantry');
}

/** The .debs of all builds, named by their SHA-256. Archives drop old ones, so they are kept. */
export class DebCache {
  readonly #directory: string;

  constructor(cache: string) {
    this.#directory = join(cache, 'debs/sha256');
  }

  /** The file of a package, whether it is there or not. */
  path(deb: LockedPackage): string {
    return join(this.#directory, deb.sha256);
  }

  /**
   * Downloads what is missing, from the first source that has it.
   * @throws GantryError `lock_stale` if no source has a package, `package_digest_mismatch`,
   * `suite_unreachable`, `disk_full`
   */
  async fill(
    debs: readonly LockedPackage[],
    sources: readonly DebSource[],
    onProgress: (share: number) => void,
  ): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const wanted: LockedPackage[] = [];
    for (const deb of debs) if (!(await isWhole(this.path(deb), deb))) wanted.push(deb);

    const total = wanted.reduce((sum, { size }) => sum + size, 0);
    let done = 0;
    await mapConcurrently(wanted, concurrentDownloads, async (deb) => {
      await this.#fetch(deb, sources);
      done += deb.size;
      onProgress(done / total);
    });
  }

  /** The control paragraph of a cached package, as its .deb states it. */
  async control(deb: LockedPackage): Promise<string> {
    const kept = `${this.path(deb)}.control`;
    const known = await readFile(kept, 'utf8').catch(() => undefined);
    if (known !== undefined) return known;

    const args = ['--field', this.path(deb)];
    const { code, output, lines } = await runTool({ program: 'dpkg-deb', args });
    if (code !== 0) throw toolError('dpkg-deb', lines);
    const temporary = `${kept}.${randomUUID()}`;
    await writeFile(temporary, output);
    await rename(temporary, kept);
    return output;
  }

  async #fetch(deb: LockedPackage, sources: readonly DebSource[]): Promise<void> {
    for (const source of sources) {
      const bytes = await source(deb);
      if (bytes === undefined) continue;
      await this.#store(deb, bytes);
      return;
    }

    const message = `expected ${deb.name} ${deb.version} (${deb.path}) in the cache or an archive, found none. Archives drop old versions. Build with --packages <ref> if the packages were saved, or with --update-lock`;
    throw new GantryError('lock_stale', message, { field: deb.name, found: deb.version });
  }

  async #store(deb: LockedPackage, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const temporary = `${this.path(deb)}.${randomUUID()}`;
    try {
      const hash = createHash('sha256');
      let size = 0;
      const file = await open(temporary, 'wx', 0o644);

      try {
        for await (const chunk of bytes) {
          hash.update(chunk);
          size += chunk.length;
          if (size > deb.size) break;
          await file.writeFile(chunk);
        }
        await file.sync();
      } finally {
        await file.close();
      }

      const digest = hash.digest('hex');
      if (size !== deb.size || digest !== deb.sha256) throw mismatch(deb, size, digest);
      await rename(temporary, this.path(deb));
    } catch (error) {
      throw diskError(error, this.#directory);
    } finally {
      await rm(temporary, { force: true });
    }
  }
}

function mismatch(deb: LockedPackage, size: number, digest: string): GantryError {
  const message = `expected ${deb.name} ${deb.version} with ${deb.size} bytes and SHA-256 ${deb.sha256}, found ${size} bytes and ${digest}; a mirror or proxy changed it`;
  return new GantryError('package_digest_mismatch', message, {
    expected: deb.sha256,
    found: digest,
  });
}

/** A cached file may be damaged on disk, so its bytes are read again. */
async function isWhole(path: string, deb: LockedPackage): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  if (stats?.size !== deb.size) return false;

  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex') === deb.sha256;
}

/** The pool of a mirror: http, https or file. */
export function mirrorSource(mirror: string): DebSource {
  if (mirror.startsWith('file:') || mirror.startsWith('copy:')) {
    const root = fileURLToPath(`file://${mirror.replace(/^[a-z]+:(?:\/\/)?/, '')}`);
    return async ({ path }) => {
      const file = join(root, path);
      const isThere = await stat(file).then(
        () => true,
        () => false,
      );
      return isThere ? createReadStream(file) : undefined;
    };
  }

  return async ({ path }) => {
    const url = `${mirror.replace(/\/$/, '')}/${path}`;
    const response = await fetch(url).catch((error: Error) => {
      throw unreachable(url, (error.cause as Error | undefined)?.message ?? error.message, error);
    });
    if (response.status === 404 || response.status === 410) return undefined;
    if (response.ok && response.body) return response.body;
    throw unreachable(url, `status ${response.status}`);
  };
}

function unreachable(url: string, reason: string, cause?: Error): GantryError {
  const message = `expected ${dirname(url)} to respond, found: ${reason}; check --mirror and the network`;
  return new GantryError('suite_unreachable', message, { found: reason, cause });
}
