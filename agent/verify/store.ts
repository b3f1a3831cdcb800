import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { FileSink } from '../../shared/artifact/index.ts';
import { digestSchema } from '../../shared/base/ids.ts';
import { limits } from '../../shared/base/limits/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import { errnoOf, isExhausted } from '../failure.ts';
import { readIfPresent, removeTree, syncFileSystem, unfinished, writeAtomic } from '../files.ts';
import type { ContentCheck } from './content-check.ts';

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

/**
 * What a layer holds, written after all of its bytes were verified. Read back, it is a claim again:
 * see layer.ts.
 */
const layerRecord = z.object({
  layer_digest: digestSchema,
  manifest_json: z.string(),
  entries: z.array(treeEntry),
});
export type LayerRecord = z.infer<typeof layerRecord>;

const folders = ['layers', 'indexes', 'documents', 'signatures', 'generated'];

/** The fs-verity digests of the objects that a composition's generated layer has. */
const generatedRecord = z.array(z.string().regex(/^[0-9a-f]{64}$/));

/**
 * Whether a file's content is in the store: short content is in the entry itself, as in composefs
 * images.
 */
export function isStored(entry: TreeEntry): boolean {
  return entry.type === 'file' && entry.size > limits.inlineFileBytesMax;
}

/**
 * Content by digest. Two invariants: a file gets its final name only when it is complete, and
 * nothing that is read from here is trusted before its digest is computed again.
 */
export class Store {
  readonly #dir: string;
  /** The file that is being written. */
  #incoming: { file: number; path: string } | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Makes the folders and removes the unfinished files of a crash. */
  async prepare(): Promise<void> {
    for (const folder of [...folders, 'incoming']) {
      await mkdir(join(this.#dir, folder), { recursive: true });
    }

    for (const folder of [...folders, 'incoming']) {
      for (const name of await readdir(join(this.#dir, folder))) {
        if (folder !== 'incoming' && !name.startsWith(unfinished)) continue;
        await removeTree(join(this.#dir, folder, name));
      }
    }
  }

  /** The path of the content with an fs-verity digest (64 hex digits). */
  objectPath(verity: string): string {
    return join(this.#dir, verity.slice(0, 2), verity.slice(2));
  }

  /**
   * Whether the object is there and right; `tampered` when it is there and wrong, or cannot be
   * read.
   *
   * @throws the system's error when this process has no file descriptors or memory left to look.
   */
  checkObject(verity: string, size: number, check: ContentCheck): 'right' | 'missing' | 'tampered' {
    try {
      return check.holds(this.objectPath(verity), verity, size) ? 'right' : 'tampered';
    } catch (error) {
      if (isExhausted(error)) throw error;
      return errnoOf(error) === 'ENOENT' ? 'missing' : 'tampered';
    }
  }

  async removeObject(verity: string): Promise<void> {
    await removeTree(this.objectPath(verity));
  }

  /**
   * Writes one file's content, which gets its digest as its name when it is whole: a hostile
   * archive can name nothing.
   */
  openSink(): FileSink {
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

        const path = this.objectPath(verity);
        chmodSync(incoming, 0o444);
        mkdirSync(dirname(path), { recursive: true });
        renameSync(incoming, path);
      },
    };
  }

  /** Removes a file whose archive ended before it did. */
  abandonSink(): void {
    if (this.#incoming === undefined) return;

    closeSync(this.#incoming.file);
    rmSync(this.#incoming.path, { force: true });
    this.#incoming = undefined;
  }

  /**
   * Makes objects survive a loss of power. Call it before the record of their layer is written,
   * which says that they exist.
   */
  async sync(): Promise<void> {
    await syncFileSystem(this.#dir);
  }

  /**
   * The record of a layer; undefined when it is missing or damaged, since both mean that the layer
   * is fetched again.
   */
  async readLayer(digest: string): Promise<LayerRecord | undefined> {
    const bytes = await readIfPresent(this.#layerPath(digest));
    if (bytes === undefined) return undefined;

    try {
      return layerRecord.parse(JSON.parse(bytes.toString()));
    } catch {
      return undefined;
    }
  }

  /** Writes the record of a layer, which makes its file index unneeded. */
  async writeLayer(record: LayerRecord): Promise<void> {
    await writeAtomic(this.#layerPath(record.layer_digest), JSON.stringify(record));
    await rm(this.#indexPath(record.layer_digest), { force: true });
  }

  hasLayer(digest: string): boolean {
    return existsSync(this.#layerPath(digest));
  }

  /** The file index of a layer that is not complete yet, as it was served. */
  async readIndex(layerDigest: string): Promise<Buffer | undefined> {
    return readIfPresent(this.#indexPath(layerDigest));
  }

  async writeIndex(layerDigest: string, bytes: Uint8Array): Promise<void> {
    await writeAtomic(this.#indexPath(layerDigest), bytes);
  }

  async removeLayer(digest: string): Promise<void> {
    await rm(this.#layerPath(digest), { force: true });
  }

  /**
   * The objects of a composition's generated layer; none when the record is missing or damaged,
   * since both mean that they are written again.
   */
  async readGenerated(compositionDigest: string): Promise<string[]> {
    const bytes = await readIfPresent(this.#generatedPath(compositionDigest));
    try {
      return generatedRecord.parse(JSON.parse(bytes?.toString() ?? '[]'));
    } catch {
      return [];
    }
  }

  async writeGenerated(compositionDigest: string, objects: readonly string[]): Promise<void> {
    await writeAtomic(this.#generatedPath(compositionDigest), JSON.stringify(objects));
  }

  /** An OCI manifest or index; undefined when it is missing or no longer has its SHA-256. */
  async readDocument(digest: string): Promise<Buffer | undefined> {
    const bytes = await readIfPresent(join(this.#dir, 'documents', hexOf(digest)));
    return bytes !== undefined && sha256Digest(bytes) === digest ? bytes : undefined;
  }

  async writeDocument(digest: string, bytes: Uint8Array): Promise<void> {
    await writeAtomic(join(this.#dir, 'documents', hexOf(digest)), bytes);
  }

  /** The signatures of an artifact, as they were served: they are verified each time. */
  async readSignatures(digest: string): Promise<Buffer | undefined> {
    return readIfPresent(join(this.#dir, 'signatures', `${hexOf(digest)}.json`));
  }

  async writeSignatures(digest: string, bytes: Uint8Array): Promise<void> {
    await writeAtomic(join(this.#dir, 'signatures', `${hexOf(digest)}.json`), bytes);
  }

  #indexPath(layerDigest: string): string {
    return join(this.#dir, 'indexes', `${hexOf(layerDigest)}.json.gz`);
  }

  #generatedPath(compositionDigest: string): string {
    return join(this.#dir, 'generated', `${hexOf(compositionDigest)}.json`);
  }

  #layerPath(digest: string): string {
    return join(this.#dir, 'layers', `${hexOf(digest)}.json`);
  }
}

export function sha256Digest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** `sha256:<hex>` → `<hex>`. The schema of the desired state guarantees hexadecimal digits. */
export function hexOf(digest: string): string {
  return digest.slice('sha256:'.length);
}
