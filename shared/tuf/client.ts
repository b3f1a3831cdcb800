import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Fetcher, Updater } from 'tuf-js';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { findNewestRoot, type TrustState, trustedRootTarget } from './state.ts';

/** The roles that the TUF client keeps as files with their names. */
const roles = ['timestamp', 'snapshot', 'targets'] as const;

/** The defaults of the TUF client. */
const rootLimits = { maxRootRotations: 256, rootMaxLength: 512_000 };

/** Fetches at most `bytesMax` bytes of a URL. Throws when there is no response, or a longer one. */
export type Download = (
  url: URL,
  bytesMax: number,
) => Promise<{ status: number; bytes: Uint8Array }>;

export interface UpdateOptions {
  /**
   * Base URL of the repository's metadata, without a trailing slash. Its targets lie below
   * `targets/`.
   */
  mirror: string;
  /** Root metadata (JSON text) that this release ships. */
  anchor: string;
  download: Download;
}

/**
 * Updates a stored trust state by the workflow of TUF clients (TUF 1.0.34, section 5). Metadata
 * that is rolled back, frozen, mixed or unsigned is refused, and the stored state stays as it is.
 * @param kept null the first time
 * @throws GantryError `trust_root_unreachable` when the mirror does not respond,
 * `trust_root_refused` for bad metadata
 */
export async function updateTrustState(
  kept: TrustState | null,
  { mirror, anchor, download }: UpdateOptions,
): Promise<TrustState> {
  // The client works on files. Only this call reads them.
  const directory = await mkdtemp(join(tmpdir(), 'gantry-tuf-'));
  const downloads = new DownloadFetcher(download, directory);

  try {
    const newest = findNewestRoot(anchor, kept?.roots ?? []);
    const roots = await downloads.findNewerRoots(mirror, newest.signed.version);

    await writeState(directory, kept, newest.toJSON());

    const updater = new Updater({
      metadataDir: directory,
      metadataBaseUrl: mirror,
      targetDir: directory,
      targetBaseUrl: `${mirror}/targets`,
      fetcher: downloads,
      config: { maxRootRotations: roots.length },
    });

    await updater.refresh();
    await updateTarget(updater, join(directory, 'target'));

    return await readState(directory, [...(kept?.roots ?? []), ...roots]);
  } catch (cause) {
    throw explainFailure(cause, mirror, downloads.failure);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function writeState(directory: string, kept: TrustState | null, root: unknown) {
  await writeFile(join(directory, 'root.json'), JSON.stringify(root));
  if (kept === null) return;

  for (const role of roles) await writeFile(join(directory, `${role}.json`), kept[role]);
  await writeFile(join(directory, 'target'), kept.trusted_root);
}

async function readState(directory: string, roots: string[]): Promise<TrustState> {
  const read = (name: string) => readFile(join(directory, name), 'utf8');
  return {
    roots,
    timestamp: await read('timestamp.json'),
    snapshot: await read('snapshot.json'),
    targets: await read('targets.json'),
    trusted_root: await read('target'),
  };
}

async function updateTarget(updater: Updater, path: string): Promise<void> {
  const info = await updater.getTargetInfo(trustedRootTarget);
  if (info === undefined || info.length > limits.trustedRootBytesMax) {
    const found = info === undefined ? 'none' : `${info.length} bytes`;
    throw new Error(
      `expected a target ${trustedRootTarget} of at most ${limits.trustedRootBytesMax} bytes, found ${found}`,
    );
  }

  if ((await updater.findCachedTarget(info, path)) === undefined) {
    await updater.downloadTarget(info, path);
  }
}

/** Downloads for the TUF client, with the download function of the caller. */
class DownloadFetcher implements Fetcher {
  /** The first failed download. */
  failure: unknown;
  readonly #download: Download;
  readonly #directory: string;
  readonly #roots = new Map<string, Buffer>();

  constructor(download: Download, directory: string) {
    this.#download = download;
    this.#directory = directory;
  }

  /**
   * Downloads the roots after a version until the mirror has none. The client itself would stop
   * only at an error class that its package does not export, so it gets the number of roots. It
   * still verifies each of them.
   */
  async findNewerRoots(mirror: string, version: number): Promise<string[]> {
    const { maxRootRotations, rootMaxLength } = rootLimits;
    for (let next = version + 1; next <= version + maxRootRotations; next++) {
      const url = `${mirror}/${next}.root.json`;
      const { status, bytes } = await this.#send(url, rootMaxLength);
      if (status === 403 || status === 404) break;

      this.#requireOk(url, status);
      this.#roots.set(url, Buffer.from(bytes));
    }

    return [...this.#roots.values()].map((bytes) => bytes.toString('utf8'));
  }

  async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    const root = this.#roots.get(url);
    if (root !== undefined) return root;

    const { status, bytes } = await this.#send(url, maxLength);
    this.#requireOk(url, status);
    return Buffer.from(bytes);
  }

  async downloadFile<T>(
    url: string,
    maxLength: number,
    handle: (file: string) => Promise<T>,
  ): Promise<T> {
    const file = join(this.#directory, 'download');
    await writeFile(file, await this.downloadBytes(url, maxLength));
    return handle(file);
  }

  async #send(url: string, maxLength: number) {
    try {
      return await this.#download(new URL(url), maxLength);
    } catch (error) {
      this.failure ??= error;
      throw error;
    }
  }

  #requireOk(url: string, status: number): void {
    if (status === 200) return;
    const error = new Error(`${url} returned ${status}`);
    this.failure ??= error;
    throw error;
  }
}

function explainFailure(cause: unknown, mirror: string, failure: unknown): GantryError {
  const error = failure ?? cause;
  const reason = error instanceof Error ? error.message : String(error);

  return failure === undefined
    ? new GantryError(
        'trust_root_refused',
        `expected newer metadata at ${mirror} that TUF accepts: ${reason}`,
        { cause },
      )
    : new GantryError('trust_root_unreachable', `expected a response of ${mirror}: ${reason}`, {
        cause,
      });
}
