import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { FileSink } from '../shared/artifact/index.ts';
import { digestSchema } from '../shared/base/ids.ts';
import { errnoOf, readIfPresent, syncFileSystem, unfinished, writeAtomic } from './files.ts';
import type { ContentCheck } from './verity.ts';

const treeEntry = z.object({
  path: z.string(),
  type: z.enum(['directory', 'file', 'symlink', 'character', 'block', 'fifo']),
  mode: z.int(),
  uid: z.int(),
  gid: z.int(),
  mtime: z.int(),
  mtime_ns: z.int(),
  size: z.int().nonnegative(),
  target: z.string().exactOptional(),
  rdev: z.int().exactOptional(),
  xattrs: z.record(z.string(), z.string()).exactOptional(),
  content: z.string().exactOptional(),
  verity: z.string().exactOptional(),
});

/** What a layer holds, written once all of its bytes were verified. Read back it is a claim again: see layer.ts. */
const layerRecord = z.object({
  layer_digest: digestSchema,
  manifest_json: z.string(),
  entries: z.array(treeEntry),
});
export type LayerRecord = z.infer<typeof layerRecord>;

/**
 * Content by digest. Invariants: a file appears under its name only complete (temporary name, then rename); nothing read
 * from here is believed before its digest is computed again.
 */
export class Store {
  readonly #dir: string;
  /** The one file that is being taken. */
  #incoming: { file: number; path: string } | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Makes the folders and removes what a crash left unfinished. */
  async prepare(): Promise<void> {
    for (const folder of ['layers', 'documents', 'evidence', 'incoming']) {
      await mkdir(join(this.#dir, folder), { recursive: true });
    }
    await rm(join(this.#dir, 'incoming'), { recursive: true, force: true });
    await mkdir(join(this.#dir, 'incoming'));
    for (const folder of ['layers', 'documents', 'evidence']) {
      for (const name of await readdir(join(this.#dir, folder))) {
        if (name.startsWith(unfinished)) await rm(join(this.#dir, folder, name), { force: true });
      }
    }
  }

  /** Where the content with an fs-verity digest (64 hex digits) lies. */
  objectPath(verity: string): string {
    return join(this.#dir, verity.slice(0, 2), verity.slice(2));
  }

  /** Whether the object is there and right; `tampered` when it is there and wrong. */
  checkObject(verity: string, size: number, check: ContentCheck): 'right' | 'missing' | 'tampered' {
    try {
      return check.holds(this.objectPath(verity), verity, size) ? 'right' : 'tampered';
    } catch (error) {
      return errnoOf(error) === 'ENOENT' ? 'missing' : 'tampered';
    }
  }

  removeObject(verity: string): void {
    rmSync(this.objectPath(verity), { recursive: true, force: true });
  }

  /** Takes one file's content; it appears under its digest when it is whole, so even a hostile archive names nothing wrongly. */
  sink(): FileSink {
    const incoming = join(this.#dir, 'incoming', randomBytes(8).toString('hex'));
    const file = openSync(incoming, 'wx', 0o600);
    this.#incoming = { file, path: incoming };
    return {
      write: (chunk) => {
        for (let at = 0; at < chunk.length; ) at += writeSync(file, chunk, at);
      },
      end: (verity) => {
        closeSync(file);
        this.#incoming = undefined;
        chmodSync(incoming, 0o444);
        const path = this.objectPath(verity);
        mkdirSync(dirname(path), { recursive: true });
        renameSync(incoming, path);
      },
    };
  }

  /** Lets go of a file whose archive ended before it did. */
  abandon(): void {
    if (this.#incoming === undefined) return;
    closeSync(this.#incoming.file);
    rmSync(this.#incoming.path, { force: true });
    this.#incoming = undefined;
  }

  /** Makes objects survive a loss of power; called before the layer's record is written, which says that they are there. */
  async sync(): Promise<void> {
    await syncFileSystem(this.#dir);
  }

  /** The record of a layer; undefined when there is none or it cannot be read, which is the same: fetch it again. */
  async readLayer(digest: string): Promise<LayerRecord | undefined> {
    const bytes = await readIfPresent(this.#layerPath(digest));
    if (bytes === undefined) return undefined;
    try {
      return layerRecord.parse(JSON.parse(bytes.toString()));
    } catch {
      return undefined;
    }
  }

  async writeLayer(record: LayerRecord): Promise<void> {
    await writeAtomic(this.#layerPath(record.layer_digest), JSON.stringify(record));
  }

  async removeLayer(digest: string): Promise<void> {
    await rm(this.#layerPath(digest), { force: true });
  }

  /** An OCI manifest or index, when what is kept still has its SHA-256. */
  async readDocument(digest: string): Promise<Buffer | undefined> {
    const bytes = await readIfPresent(join(this.#dir, 'documents', hexOf(digest)));
    return bytes !== undefined && sha256Digest(bytes) === digest ? bytes : undefined;
  }

  async writeDocument(digest: string, bytes: Uint8Array): Promise<void> {
    await writeAtomic(join(this.#dir, 'documents', hexOf(digest)), bytes);
  }

  /** Signatures as once served: they prove themselves. */
  async readEvidence(digest: string): Promise<Buffer | undefined> {
    return await readIfPresent(join(this.#dir, 'evidence', `${hexOf(digest)}.json`));
  }

  async writeEvidence(digest: string, bytes: Uint8Array): Promise<void> {
    await writeAtomic(join(this.#dir, 'evidence', `${hexOf(digest)}.json`), bytes);
  }

  #layerPath(digest: string): string {
    return join(this.#dir, 'layers', `${hexOf(digest)}.json`);
  }
}

export function sha256Digest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** `sha256:<hex>` → `<hex>`. The schema of the desired state has made sure that it is hexadecimal. */
export function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}
