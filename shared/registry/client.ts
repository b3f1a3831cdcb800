import { createHash } from 'node:crypto';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { pullScope } from './auth.ts';
import {
  countStream,
  type ExpectedBlob,
  readBody,
  readWholeBlob,
  resumeStream,
  sizeError,
  verifyStream,
} from './blob.ts';
import { type RegistryClientOptions, RegistryConnection } from './connection.ts';
import { readError, requireDocument } from './failure.ts';
import { isDigest } from './reference.ts';
import { parseReferrers, type ReferrerList, readReferrers } from './referrers.ts';
import { isIndex, mediaTypes } from './schema.ts';
import { readTags, type TagList, type TagListOptions } from './tags.ts';
import { contentType, discard, type HttpResponse, header } from './transport.ts';
import { type BlobSource, type Progress, putManifest, uploadBlob } from './upload.ts';

/** A manifest or index as the registry stores it. `digest` is computed from the bytes. */
export interface ManifestContent {
  bytes: Uint8Array;
  mediaType: string;
  digest: string;
  size: number;
}

/** What a HEAD request says about a manifest. Nothing is verified until the manifest is read. */
export interface ManifestHead {
  claimedDigest: string;
  mediaType: string;
  size: number;
}

const manifestAccept = [
  mediaTypes.manifest,
  mediaTypes.index,
  mediaTypes.dockerManifest,
  mediaTypes.dockerIndex,
].join(', ');

/**
 * A client of one registry (OCI distribution 1.1). Tokens live as long as the client or its
 * `memory`. All data of a registry is hostile until this client has computed its digest.
 */
export class RegistryClient {
  readonly #connection: RegistryConnection;
  /** The registry refused HEAD of a manifest that it returned to GET. */
  #refusesHead = false;

  constructor(options: RegistryClientOptions) {
    this.#connection = new RegistryConnection(options);
  }

  get host(): string {
    return this.#connection.host;
  }

  /**
   * Lists all tags of a repository, page by page. A list that fits one page needs one request.
   * @throws GantryError `registry_*`
   */
  listTags(repository: string, options: TagListOptions = {}): Promise<TagList> {
    return readTags(this.#connection, repository, options);
  }

  /**
   * Returns what a tag or digest names now. It takes one request, unless the registry omits the
   * digest in its response, or refuses HEAD as some registries do.
   * @throws GantryError `registry_*`; `registry_not_found` when the manifest does not exist
   */
  async headManifest(repository: string, reference: string): Promise<ManifestHead> {
    const head = this.#refusesHead ? 'refused' : await this.#askHead(repository, reference);
    if (head !== null && head !== 'refused') return head;

    const { bytes, digest, mediaType, size } = await this.getManifest(repository, reference);
    // Any bytes have a digest.
    isIndex(bytes);
    this.#refusesHead = head === 'refused';
    return { claimedDigest: digest, mediaType, size };
  }

  /**
   * Asks for a manifest by HEAD. Returns null if the response does not say what the manifest is. A
   * refusal of HEAD says nothing about GET, except by a registry that fails or limits the rate.
   */
  async #askHead(repository: string, reference: string): Promise<ManifestHead | 'refused' | null> {
    const accept = { accept: manifestAccept };
    const answer = await this.#get(repository, `manifests/${reference}`, accept, 'HEAD');
    const { status } = answer;
    if (status === 429 || (status >= 500 && status !== 501))
      throw await readError(answer, `${repository}:${reference}`);

    await discard(answer);
    if (status !== 200) return 'refused';

    const digest = header(answer, 'docker-content-digest');
    const size = Number(header(answer, 'content-length'));
    if (digest === undefined || !isDigest(digest)) return null;
    if (!Number.isSafeInteger(size) || size <= 0) return null;

    return { claimedDigest: digest, mediaType: contentType(answer), size };
  }

  /**
   * Reads a manifest or index by tag or digest.
   * @param expected the size in the descriptor that names the manifest
   * @throws GantryError `manifest_digest_mismatch` when the bytes do not have the requested digest;
   *   `blob_size_mismatch`; `manifest_too_large`; `registry_*`
   */
  async getManifest(
    repository: string,
    reference: string,
    expected: { size?: number } = {},
  ): Promise<ManifestContent> {
    const answer = await this.#askManifest(repository, reference);
    return this.#readManifest(answer, repository, reference, expected);
  }

  /**
   * Reads a manifest or index that may be absent. Returns null if the registry does not have it.
   * @throws GantryError as `getManifest`
   */
  async findManifest(repository: string, reference: string): Promise<ManifestContent | null> {
    const answer = await this.#askManifest(repository, reference);
    if (answer.status !== 404) return this.#readManifest(answer, repository, reference);

    await discard(answer);
    return null;
  }

  #askManifest(repository: string, reference: string): Promise<HttpResponse> {
    return this.#get(repository, `manifests/${reference}`, { accept: manifestAccept });
  }

  async #readManifest(
    answer: HttpResponse,
    repository: string,
    reference: string,
    expected: { size?: number } = {},
  ): Promise<ManifestContent> {
    if (answer.status !== 200) throw await readError(answer, `${repository}:${reference}`);

    // Bytes of the requested digest are the manifest, whatever the registry calls them.
    const isNamed = reference.includes(':');
    if (!isNamed) await requireDocument(answer, `${repository}:${reference}`);
    await refuseLarge(answer, `${repository}:${reference}`);
    const bytes = await this.#connection.read(answer);
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

    if (isNamed && reference !== digest) {
      await requireDocument(answer, `${repository}:${reference}`);
      throw new GantryError(
        'manifest_digest_mismatch',
        `expected a manifest of digest ${reference}, found ${digest}`,
        {
          expected: reference,
          found: digest,
        },
      );
    }

    if (expected.size !== undefined && expected.size !== bytes.length) {
      throw sizeError(digest, expected.size, bytes.length);
    }

    return { bytes, mediaType: contentType(answer), digest, size: bytes.length };
  }

  /**
   * Streams a blob and verifies its digest and size; see `verifyStream`. A stream that breaks off
   * is resumed by range, a few times. With `offset` only the rest of the blob is streamed, and only
   * its size is verified here: a caller that hashed the first part can verify the digest.
   * @throws GantryError `blob_size_mismatch`, `blob_digest_mismatch`, `registry_*`
   */
  async *getBlob(
    repository: string,
    expected: ExpectedBlob,
    options: { offset?: number } = {},
  ): AsyncGenerator<Uint8Array> {
    const offset = options.offset ?? 0;
    if (offset > 0 && offset === expected.size) return;
    const body = resumeStream(offset, (from) => this.#streamBlob(repository, expected, from));
    if (offset === 0) yield* verifyStream(body, expected);
    else yield* countStream(body, expected.size - offset, expected.digest);
  }

  /**
   * Reads `length` bytes of a blob from `start` on. They cannot be verified by the blob's digest,
   * so the caller must know their digest.
   * @throws GantryError `blob_size_mismatch`, `registry_*`
   */
  async getBlobRange(
    repository: string,
    digest: string,
    start: number,
    length: number,
  ): Promise<Uint8Array> {
    if (length === 0) return new Uint8Array(0);

    const headers = { range: `bytes=${start}-${start + length - 1}` };
    const { answer, skip } = await this.#openBlob(repository, digest, headers, start);
    const chunks: Uint8Array[] = [];
    let count = 0;

    for await (const chunk of readBody(answer, skip)) {
      chunks.push(chunk);
      count += chunk.length;
      // A registry that ignores ranges sends the whole blob, so stop when there is enough.
      if (count >= length) break;
    }

    if (count < length) throw sizeError(digest, length, count);
    return Buffer.concat(chunks).subarray(0, length);
  }

  /**
   * Reads and verifies a whole small blob. @throws GantryError as `getBlob`; `blob_size_mismatch`
   * over `bytesMax`
   */
  async readBlob(
    repository: string,
    expected: ExpectedBlob,
    bytesMax: number,
  ): Promise<Uint8Array> {
    if (expected.size > bytesMax) throw sizeError(expected.digest, bytesMax, expected.size);

    // Not resumeStream: the caller can request such a small blob again.
    const { answer } = await this.#openRest(repository, expected, 0);
    return readWholeBlob(answer, expected);
  }

  /**
   * Lists referrers by the referrers API. Returns null when the registry has no such API.
   * @throws GantryError `registry_*`
   */
  referrersApi(repository: string, digest: string): Promise<ReferrerList | null> {
    return readReferrers(this.#connection, repository, digest);
  }

  /** Whether the registry recently returned that it has no referrers API for the repository. */
  lacksReferrersApi(repository: string): boolean {
    return this.#connection.memory.withoutReferrers.has(repository);
  }

  /**
   * Reads the fallback tag `sha256-<hex>` (distribution 1.1, "Referrers Tag Schema"). Returns null
   * if it does not exist, or names the artifact itself: GitLab reads the tag as a digest
   * (oras-project/oras-go#1396), and `cosign copy` tags its copy so (sigstore/cosign#4564).
   */
  async fallbackReferrers(repository: string, digest: string): Promise<ReferrerList | null> {
    const content = await this.findManifest(repository, fallbackTag(digest));
    if (content === null || content.digest === digest) return null;
    return parseReferrers(content.bytes, `the fallback tag of ${digest}`);
  }

  /**
   * Uploads a blob unless the registry already has it. `uploaded` says whether it did.
   * @param source bytes, or a function that opens a new stream of exactly `size` bytes
   */
  pushBlob(
    repository: string,
    blob: ExpectedBlob,
    source: BlobSource,
    onProgress?: Progress,
  ): Promise<{ uploaded: boolean }> {
    return uploadBlob(this.#connection, { repository, blob, source, onProgress });
  }

  /**
   * Stores a manifest or index under a tag or its digest.
   * @returns the digest, and whether the registry added the manifest to the referrers of its
   * subject (referrers API)
   */
  putManifest(
    repository: string,
    reference: string,
    manifest: { bytes: Uint8Array; mediaType: string },
  ): Promise<{ digest: string; subjectNoted: boolean }> {
    return putManifest(this.#connection, repository, reference, manifest);
  }

  #get(
    repository: string,
    path: string,
    headers: Record<string, string>,
    method: 'GET' | 'HEAD' = 'GET',
  ) {
    const url = this.#connection.url(repository, path);
    return this.#connection.send(pullScope(repository), () => ({ method, url, headers }));
  }

  async *#streamBlob(
    repository: string,
    expected: ExpectedBlob,
    offset: number,
  ): AsyncGenerator<Uint8Array> {
    const { answer, skip } = await this.#openRest(repository, expected, offset);
    yield* readBody(answer, skip);
  }

  /** Opens the rest of a blob. @throws GantryError `blob_size_mismatch` if another size is said */
  async #openRest(repository: string, expected: ExpectedBlob, offset: number) {
    const headers = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const { answer, skip } = await this.#openBlob(repository, expected.digest, headers, offset);
    const length = Number(header(answer, 'content-length') ?? Number.NaN);
    const left = expected.size - (offset - skip);
    if (!Number.isSafeInteger(length) || length === left) return { answer, skip };

    await discard(answer);
    throw sizeError(expected.digest, expected.size, length + offset - skip);
  }

  async #openBlob(
    repository: string,
    digest: string,
    headers: Record<string, string>,
    offset: number,
  ) {
    const answer = await this.#get(repository, `blobs/${digest}`, {
      'accept-encoding': 'identity',
      ...headers,
    });
    if (answer.status === 206) {
      const from = /^bytes ([0-9]+)-/.exec(header(answer, 'content-range') ?? '')?.[1];
      if (Number(from) === offset) return { answer, skip: 0 };
    } else if (answer.status === 200) return { answer, skip: offset };

    throw await readError(
      answer,
      `blob ${digest} of ${repository}${offset > 0 ? ` from byte ${offset}` : ''}`,
    );
  }
}

/**
 * @throws GantryError `manifest_too_large` when the registry announces a manifest over the limit
 */
async function refuseLarge(answer: HttpResponse, what: string): Promise<void> {
  const size = Number(header(answer, 'content-length') ?? 0);
  const expected = limits.manifestBytesMax;
  if (size <= expected) return;

  answer.body.destroy();
  const message = `expected a manifest of at most ${expected} bytes at ${what}, found ${size}`;
  throw new GantryError('manifest_too_large', message, { expected, found: size });
}

/** Returns the fallback tag of a digest: `sha256-<hex>`. */
export function fallbackTag(digest: string): string {
  return digest.replace(':', '-');
}
