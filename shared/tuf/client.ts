import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Fetcher, Updater } from 'tuf-js';
import { DownloadHTTPError } from 'tuf-js/dist/error.js';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { newestRoot, type TrustState, trustedRootTarget } from './state.ts';

/** The roles that the TUF client keeps as files, by their names. */
const roles = ['timestamp', 'snapshot', 'targets'] as const;

/** Fetches a URL, at most `bytesMax` bytes of it. Throws when there is no answer, or a longer one. */
export type Download = (
  url: URL,
  bytesMax: number,
) => Promise<{ status: number; bytes: Uint8Array }>;

export interface UpdateOptions {
  /** Base URL of the repository's metadata, without a trailing slash; its targets lie below `targets/`. */
  mirror: string;
  /** Root metadata that came with the code, JSON text. */
  anchor: string;
  download: Download;
}

/**
 * Brings a kept state up to date by the TUF client's workflow (TUF 1.0.34, section 5): rolled back, frozen, mixed or unsigned
 * metadata is refused, and what is kept stays as it is.
 * @param kept null at the first time
 * @throws GantryError `trust_root_unreachable` when the mirror does not answer, `trust_root_refused` for what it answers
 */
export async function updateTrustState(
  kept: TrustState | null,
  options: UpdateOptions,
): Promise<TrustState> {
  const { mirror, anchor, download } = options;
  // The client works on files; nothing but this call ever reads them.
  const directory = await mkdtemp(join(tmpdir(), 'gantry-tuf-'));
  const file = (name: string) => join(directory, `${name}.json`);
  const target = join(directory, 'target');
  const fetcher = new DownloadFetcher(download, directory);
  try {
    const newest = newestRoot(anchor, kept?.roots ?? []);
    await writeFile(file('root'), JSON.stringify(newest.toJSON()));
    if (kept !== null) {
      for (const role of roles) await writeFile(file(role), kept[role]);
      await writeFile(target, kept.trusted_root);
    }
    const updater = new Updater({
      metadataDir: directory,
      metadataBaseUrl: mirror,
      targetDir: directory,
      targetBaseUrl: `${mirror}/targets`,
      fetcher,
    });
    await updater.refresh();
    const info = await updater.getTargetInfo(trustedRootTarget);
    if (info === undefined || info.length > limits.trustedRootBytesMax) {
      const found = info === undefined ? 'none' : `${info.length} bytes`;
      throw new Error(
        `expected a target ${trustedRootTarget} of at most ${limits.trustedRootBytesMax} bytes, found ${found}`,
      );
    }
    if ((await updater.findCachedTarget(info, target)) === undefined)
      await updater.downloadTarget(info, target);
    const read = (path: string) => readFile(path, 'utf8');
    const [timestamp, snapshot, targets] = [
      await read(file('timestamp')),
      await read(file('snapshot')),
      await read(file('targets')),
    ];
    const roots = [...(kept?.roots ?? []), ...fetcher.roots];
    return { roots, timestamp, snapshot, targets, trusted_root: await read(target) };
  } catch (cause) {
    throw explained(cause, mirror, fetcher.failure);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Downloads by the caller's means, and remembers each newer root: the client keeps the last one only. */
class DownloadFetcher implements Fetcher {
  readonly roots: string[] = [];
  /** Why a download failed that should not have. */
  failure: unknown;
  private readonly download: Download;
  private readonly directory: string;

  constructor(download: Download, directory: string) {
    this.download = download;
    this.directory = directory;
  }

  async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    const bytes = await this.read(url, maxLength);
    if (isRoot(url)) this.roots.push(bytes.toString('utf8'));
    return bytes;
  }

  async downloadFile<T>(
    url: string,
    maxLength: number,
    handle: (file: string) => Promise<T>,
  ): Promise<T> {
    const file = join(this.directory, 'download');
    await writeFile(file, await this.read(url, maxLength));
    return handle(file);
  }

  private async read(url: string, maxLength: number): Promise<Buffer> {
    try {
      const { status, bytes } = await this.download(new URL(url), maxLength);
      if (status === 200) return Buffer.from(bytes);
      throw new DownloadHTTPError(`${url} answered ${status}`, status);
    } catch (error) {
      // The client looks for the next root until there is none.
      const sought =
        error instanceof DownloadHTTPError && [403, 404].includes(error.statusCode) && isRoot(url);
      if (!sought) this.failure ??= error;
      throw error;
    }
  }
}

function isRoot(url: string): boolean {
  return /\/\d+\.root\.json$/.test(url);
}

function explained(cause: unknown, mirror: string, failure: unknown): GantryError {
  const error = failure ?? cause;
  const reason = error instanceof Error ? error.message : String(error);
  return failure === undefined
    ? new GantryError(
        'trust_root_refused',
        `expected newer metadata at ${mirror} by TUF's rules: ${reason}`,
        { cause },
      )
    : new GantryError('trust_root_unreachable', `expected an answer of ${mirror}: ${reason}`, {
        cause,
      });
}
