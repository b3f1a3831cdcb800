import { Readable } from 'node:stream';
import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { retryConflicts } from '../base/retry-conflicts.ts';
import type { ObjectKind } from '../contract/objects.ts';

/** The artifact bucket. Everything but desired states and the trust
 * root is named by its digest and never overwritten with other bytes. */
export interface Objects {
  s3: S3Client;
  bucket: string;
}

/** S3 keys, per account, by digest. Digests are `sha256:<hex>`. */
export const objectKeys = {
  artifact: (account: string, digest: string) =>
    `accounts/${account}/artifacts/${digest.replace(':', '/')}`,
  /** Of a layer, in the present format: a new format is another key (`renewFileIndexes`). */
  fileIndex: (account: string, digest: string) =>
    `accounts/${account}/file-indexes/${digest.replace(':', '/')}.2.json.gz`,
  /** Named by the SHA-256 of its own bytes: later signatures make another one. */
  storedSignatures: (account: string, digest: string) =>
    `accounts/${account}/stored-signatures/${digest.replace(':', '/')}.json`,
  /** An SBOM, provenance or VEX that a verified attestation or a side layer held. */
  document: (account: string, digest: string) =>
    `accounts/${account}/documents/${digest.replace(':', '/')}`,
  image: (account: string, digest: string) =>
    `accounts/${account}/images/${digest.replace(':', '/')}.erofs`,
  composition: (account: string, digest: string) =>
    `accounts/${account}/compositions/${digest.replace(':', '/')}.json`,
  compositionIndex: (account: string, digest: string) =>
    `accounts/${account}/compositions/${digest.replace(':', '/')}.index.json.gz`,
  desiredState: (account: string, instance: string) =>
    `accounts/${account}/desired-states/${instance}.json`,
  /**
   * Sigstore's public-good trust root with its TUF metadata: of the deployment, not of an account.
   */
  publicTrustRoot: () => 'trust-roots/public-good.json',
  root: (account: string, sha256: string) => `accounts/${account}/roots/sha256/${sha256}.json`,
} as const;

/** Where an account's objects of a kind lie. */
export function objectPrefix(account: string, kind: ObjectKind): string {
  return `accounts/${account}/${kind}/`;
}

/** Bytes to write at a key, and their media type. */
export interface ObjectToPut {
  key: string;
  body: Uint8Array | string;
  type: string;
}

/**
 * Writes bytes unless the key exists: what is named by its digest needs no second write. Afterwards
 * the object is young (see `refreshAge`), so that the caller may name it. Throws `conflict` where
 * others write and delete it all the while.
 */
export async function putByDigest(
  objects: Objects,
  { key, body, type }: ObjectToPut,
  now: Date,
): Promise<void> {
  await retryConflicts(async () => {
    try {
      await objects.s3.send(
        new PutObjectCommand({
          Bucket: objects.bucket,
          Key: key,
          Body: body,
          ContentType: type,
          IfNoneMatch: '*',
          ChecksumAlgorithm: 'SHA256',
        }),
      );
      return;
    } catch (error) {
      if (!isConditionFailure(error)) throw error;
    }

    if (!(await refreshAge(objects, key, now)))
      throw new GantryError('conflict', `${key} was written and deleted at the same time`);
  });
}

/** Whether S3 refused a write whose condition failed, or which met another write of the key. */
function isConditionFailure(error: unknown): boolean {
  const { name } = error as { name?: string };
  return name === 'PreconditionFailed' || name === 'ConditionalRequestConflict';
}

/**
 * Refreshes the object's age so that the collector (shared/actions/upkeep/collect-objects.ts) skips
 * it. Call it before a row names an object that exists already. An object older than
 * `objectRenewSeconds` is copied onto itself, which makes a new version of the same bytes; the
 * collector deletes only versions that it listed as old.
 * @returns false when there is no such object
 */
export async function refreshAge(objects: Objects, key: string, now: Date): Promise<boolean> {
  const where = { Bucket: objects.bucket, Key: key };
  try {
    const { LastModified, ContentType } = await objects.s3.send(new HeadObjectCommand(where));
    if (LastModified !== undefined && ageSeconds(LastModified, now) < limits.objectRenewSeconds)
      return true;

    await objects.s3.send(
      new CopyObjectCommand({
        ...where,
        CopySource: `${objects.bucket}/${key}`,
        // S3 refuses a copy onto itself that changes nothing; stating the metadata again counts as
        // a change.
        MetadataDirective: 'REPLACE',
        ...(ContentType === undefined ? {} : { ContentType }),
        ChecksumAlgorithm: 'SHA256',
      }),
    );

    return true;
  } catch (error) {
    if (['NotFound', 'NoSuchKey'].includes((error as { name?: string }).name ?? '')) return false;
    throw error;
  }
}

function ageSeconds(modified: Date, now: Date): number {
  return (now.getTime() - modified.getTime()) / 1000;
}

/** One version of an object, as it is listed. */
export interface ObjectVersion {
  key: string;
  versionId: string;
  size: number;
  modified: Date;
}

/** Every version below a prefix, in pages of at most 1,000. */
export async function* listObjectVersions(
  objects: Objects,
  prefix: string,
): AsyncGenerator<ObjectVersion[]> {
  let markers: { KeyMarker?: string; VersionIdMarker?: string } | null = {};
  while (markers !== null) {
    const page: ListObjectVersionsCommandOutput = await objects.s3.send(
      new ListObjectVersionsCommand({ Bucket: objects.bucket, Prefix: prefix, ...markers }),
    );
    yield (page.Versions ?? []).flatMap(({ Key, VersionId, Size = 0, LastModified }) =>
      Key === undefined || VersionId === undefined || LastModified === undefined
        ? []
        : [{ key: Key, versionId: VersionId, size: Size, modified: LastModified }],
    );

    const { IsTruncated, NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = page;
    markers =
      IsTruncated === true && KeyMarker
        ? { KeyMarker, ...(VersionIdMarker ? { VersionIdMarker } : {}) }
        : null;
  }
}

/**
 * Deletes these versions permanently, at most 1,000, and no others of their keys. Missing ones are
 * skipped.
 */
export async function deleteObjectVersions(
  objects: Objects,
  versions: ObjectVersion[],
): Promise<void> {
  const { Errors = [] } = await objects.s3.send(
    new DeleteObjectsCommand({
      Bucket: objects.bucket,
      Delete: {
        Quiet: true,
        Objects: versions.map(({ key, versionId }) => ({ Key: key, VersionId: versionId })),
      },
    }),
  );

  const [first] = Errors;
  if (first === undefined) return;

  throw new GantryError(
    'unavailable',
    `expected ${versions.length} versions to be deleted, found ${Errors.length} kept: ${first.Key} (${first.Code})`,
    { found: Errors.length },
  );
}

/**
 * Replaces an object at a fixed key (desired states and the trust root only), if it still is the
 * one whose ETag is given, or still absent where that is null. Throws `conflict` when somebody else
 * replaced it.
 */
export async function replaceLatest(
  objects: Objects,
  { key, body, type }: ObjectToPut,
  was: string | null,
): Promise<void> {
  try {
    await objects.s3.send(
      new PutObjectCommand({
        Bucket: objects.bucket,
        Key: key,
        Body: body,
        ContentType: type,
        ChecksumAlgorithm: 'SHA256',
        CacheControl: 'no-cache',
        ...(was === null ? { IfNoneMatch: '*' } : { IfMatch: was }),
      }),
    );
  } catch (error) {
    if (!isConditionFailure(error)) throw error;
    throw new GantryError('conflict', `${key} was replaced at the same time`, { cause: error });
  }
}

/** The ETag of an object, null when there is none. */
export async function etagOf(objects: Objects, key: string): Promise<string | null> {
  try {
    const out = await objects.s3.send(new HeadObjectCommand({ Bucket: objects.bucket, Key: key }));
    return out.ETag ?? null;
  } catch (error) {
    if ((error as { name?: string }).name === 'NotFound') return null;
    throw error;
  }
}

/**
 * Streams bytes of unknown length to a key (multipart, 8 MiB parts, two at a time: about 24 MiB of
 * memory).
 */
export async function putStream(
  objects: Objects,
  key: string,
  body: AsyncIterable<Uint8Array>,
): Promise<void> {
  const upload = new Upload({
    client: objects.s3,
    params: { Bucket: objects.bucket, Key: key, Body: Readable.from(body, { objectMode: false }) },
    partSize: 8 * 1024 ** 2,
    queueSize: 2,
    leavePartsOnError: false,
  });
  await upload.done();
}

export async function hasObject(objects: Objects, key: string): Promise<boolean> {
  try {
    await objects.s3.send(new HeadObjectCommand({ Bucket: objects.bucket, Key: key }));
    return true;
  } catch (error) {
    if ((error as { name?: string }).name === 'NotFound') return false;
    throw error;
  }
}

/** Reads an object whole; `not_found` when there is none. */
export async function getBytes(
  objects: Objects,
  key: string,
  range?: { start: number; length: number },
): Promise<Uint8Array> {
  try {
    const out = await objects.s3.send(
      new GetObjectCommand({
        Bucket: objects.bucket,
        Key: key,
        ...(range === undefined
          ? {}
          : { Range: `bytes=${range.start}-${range.start + range.length - 1}` }),
      }),
    );
    return (await out.Body?.transformToByteArray()) ?? new Uint8Array();
  } catch (error) {
    if ((error as { name?: string }).name === 'NoSuchKey') {
      throw new GantryError('not_found', `expected an object at ${key}, found none`, {
        cause: error,
      });
    }
    throw error;
  }
}

/** Streams an object. */
export async function getStream(objects: Objects, key: string): Promise<AsyncIterable<Uint8Array>> {
  const out = await objects.s3.send(new GetObjectCommand({ Bucket: objects.bucket, Key: key }));
  return out.Body as unknown as AsyncIterable<Uint8Array>;
}

/** A URL that reads one object for `seconds`; it is a capability, so it is never logged. */
export function presignGet(objects: Objects, key: string, seconds: number): Promise<string> {
  return getSignedUrl(objects.s3, new GetObjectCommand({ Bucket: objects.bucket, Key: key }), {
    expiresIn: seconds,
  });
}
