import { createHash } from 'node:crypto';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { pullScope } from './auth.ts';
import {
  countStream,
  type ExpectedBlob,
  readBody,
  resumeStream,
  sizeError,
  verifyStream,
} from './blob.ts';
import { nextPage, type RegistryClientOptions, RegistryConnection } from './connection.ts';
import { readError } from './failure.ts';
import { isDigest } from './reference.ts';
import { type Descriptor, mediaTypes, parseIndex } from './schema.ts';
import { readTags, type TagList } from './tags.ts';
import { discard, type HttpResponse, header } from './transport.ts';
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

/** Referrers, and where they were found. */
export interface Referrers {
  source: 'referrers' | 'fallback_tag';
  descriptors: Descriptor[];
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
  listTags(repository: string): Promise<TagList> {
    return readTags(this.#connection, repository);
  }

  /**
   * Returns what a tag or digest names now. It takes one request, unless the registry omits the
   * digest in its response.
   * @throws GantryError `registry_*`; `registry_not_found` when the manifest does not exist
   */
  async headManifest(repository: string, reference: string): Promise<ManifestHead> {
    const answer = await this.#get(
      repository,
      `manifests/${reference}`,
      { accept: manifestAccept },
      'HEAD',
    );

    if (answer.status !== 200) throw await readError(answer, `${repository}:${reference}`);

    await discard(answer);
    const digest = header(answer, 'docker-content-digest');
    const size = Number(header(answer, 'content-length'));
    if (digest !== undefined && isDigest(digest) && Number.isSafeInteger(size) && size > 0) {
      return { claimedDigest: digest, mediaType: contentType(answer), size };
    }

    const manifest = await this.getManifest(repository, reference);
    return { claimedDigest: manifest.digest, mediaType: manifest.mediaType, size: manifest.size };
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
    const answer = await this.#get(repository, `manifests/${reference}`, {
      accept: manifestAccept,
    });
    if (answer.status !== 200) throw await readError(answer, `${repository}:${reference}`);

    await refuseLarge(answer, `${repository}:${reference}`);
    const bytes = await this.#connection.read(answer);
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

    if (reference.includes(':') && reference !== digest) {
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

    const chunks: Uint8Array[] = [];
    // Not resumeStream: the caller can request such a small blob again.
    const body = this.#streamBlob(repository, expected, 0);
    for await (const chunk of verifyStream(body, expected)) chunks.push(chunk);

    return Buffer.concat(chunks);
  }

  /**
   * Lists the manifests that refer to a digest: by the referrers API or, without one, by the
   * fallback tag.
   */
  async referrers(repository: string, digest: string): Promise<Referrers> {
    const descriptors = await this.referrersApi(repository, digest);
    if (descriptors !== null) return { source: 'referrers', descriptors };

    return {
      source: 'fallback_tag',
      descriptors: (await this.fallbackReferrers(repository, digest)) ?? [],
    };
  }

  /**
   * Lists referrers by the referrers API (distribution 1.1, "Listing Referrers"). Returns null when
   * the registry has no such API. It stops after about `limits.referrersMax` referrers, so an
   * endless list cannot hold a worker.
   */
  async referrersApi(repository: string, digest: string): Promise<Descriptor[] | null> {
    const descriptors: Descriptor[] = [];
    let url: URL | null = this.#connection.url(repository, `referrers/${digest}`);
    const { referrersMax, referrerPagesMax } = limits;

    for (
      let page = 0;
      url !== null && page < referrerPagesMax && descriptors.length < referrersMax;
      page++
    ) {
      const target: URL = url;
      const scope = pullScope(repository);

      const answer = await this.#connection.send(scope, () => ({
        method: 'GET',
        url: target,
        headers: { accept: mediaTypes.index },
      }));

      // The specification says 404 for "no such API", but older registries and proxies use other
      // statuses. GHCR redirects to a page of github.com, which limits the rate of requests: its
      // refusal says nothing about the registry.
      const sentAway = answer.url.origin !== target.origin && answer.status !== 200;
      if (page === 0 && (sentAway || [400, 404, 405, 406, 501].includes(answer.status))) {
        await discard(answer);
        return null;
      }

      if (answer.status !== 200)
        throw await readError(answer, `the referrers of ${repository}@${digest}`);

      const next = header(answer, 'link');
      const bytes = await this.#connection.read(answer);
      // A catch-all route that returns a web page is no referrers API either.
      if (page === 0 && !/json/.test(contentType(answer))) return null;

      descriptors.push(...parseIndex(bytes, `the referrers of ${digest}`).manifests);
      url = nextPage(target, next);
    }

    return descriptors;
  }

  /**
   * Reads the fallback tag `sha256-<hex>` (distribution 1.1, "Referrers Tag Schema"). Returns null
   * if it does not exist.
   */
  async fallbackReferrers(repository: string, digest: string): Promise<Descriptor[] | null> {
    try {
      const content = await this.getManifest(repository, fallbackTag(digest));
      return parseIndex(content.bytes, `the fallback tag of ${digest}`).manifests;
    } catch (error) {
      if (error instanceof GantryError && error.code === 'registry_not_found') return null;
      throw error;
    }
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
    const headers = offset > 0 ? { range: `bytes=${offset}-` } : {};
    const { answer, skip } = await this.#openBlob(repository, expected.digest, headers, offset);
    const length = Number(header(answer, 'content-length') ?? Number.NaN);
    const left = expected.size - (offset - skip);
    if (Number.isSafeInteger(length) && length !== left) {
      await discard(answer);
      throw sizeError(expected.digest, expected.size, length + offset - skip);
    }

    yield* readBody(answer, skip);
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

function contentType(answer: HttpResponse): string {
  return (header(answer, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}
