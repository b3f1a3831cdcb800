import { createHash } from 'node:crypto';
import { GantryError } from '../base/error.ts';
import { pushScope } from './auth.ts';
import { countStream, type ExpectedBlob } from './blob.ts';
import type { RegistryConnection } from './connection.ts';
import { readError } from './failure.ts';
import { discard, type HttpResponse, header } from './transport.ts';

/**
 * The content of a blob: bytes, or a function that opens a new stream, since an upload may have to
 * start over.
 */
export type BlobSource = Uint8Array | (() => AsyncIterable<Uint8Array>);

/** Called with the bytes sent so far and the size of the blob. */
export type Progress = (sent: number, size: number) => void;

interface Upload {
  repository: string;
  blob: ExpectedBlob;
  source: BlobSource;
  onProgress: Progress | undefined;
}

/**
 * Uploads a blob in one piece, unless the registry has it: HEAD, POST, PUT (distribution 1.1, "POST
 * then PUT").
 */
export async function uploadBlob(
  registry: RegistryConnection,
  { repository, blob, source, onProgress = () => {} }: Upload,
): Promise<{ uploaded: boolean }> {
  const scope = pushScope(repository);
  const what = `blob ${blob.digest} of ${repository}`;
  const head = await registry.send(scope, () => ({
    method: 'HEAD',
    url: registry.url(repository, `blobs/${blob.digest}`),
  }));

  if (head.status === 200) {
    await discard(head);
    onProgress(blob.size, blob.size);
    return { uploaded: false };
  }

  // Some registries refuse HEAD, or what they do not have. The upload shows what they mean.
  if (![403, 404, 405].includes(head.status)) throw await readError(head, what);

  await discard(head);

  const post = await registry.send(scope, () => ({
    method: 'POST',
    url: registry.url(repository, 'blobs/uploads/'),
    headers: { 'content-length': '0' },
  }));

  if (post.status === 404) {
    throw await readError(
      post,
      `the repository ${repository}; some registries, such as ECR, require you to create it before a push`,
    );
  }

  if (post.status !== 202) throw await readError(post, `an upload to ${repository}`);

  await discard(post);
  const target = uploadTarget(registry, post, blob.digest);

  const put = await registry.send(scope, () => ({
    method: 'PUT',
    url: target,
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(blob.size) },
    body: uploadBody(source, blob, onProgress),
  }));

  if (put.status !== 201) throw await readError(put, what);

  await discard(put);
  onProgress(blob.size, blob.size);
  return { uploaded: true };
}

/** Stores a manifest; see `RegistryClient.putManifest`. */
export async function putManifest(
  registry: RegistryConnection,
  repository: string,
  reference: string,
  { bytes, mediaType }: { bytes: Uint8Array; mediaType: string },
): Promise<{ digest: string; subjectNoted: boolean }> {
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const answer = await registry.send(pushScope(repository), () => ({
    method: 'PUT',
    url: registry.url(repository, `manifests/${reference}`),
    headers: { 'content-type': mediaType, 'content-length': String(bytes.length) },
    body: bytes,
  }));

  if (answer.status !== 201 && answer.status !== 200)
    throw await readError(answer, `${repository}:${reference}`);

  await discard(answer);
  const claimed = header(answer, 'docker-content-digest');

  if (claimed !== undefined && claimed !== digest) {
    throw new GantryError(
      'manifest_digest_mismatch',
      `expected ${registry.host} to store ${digest}, found ${claimed}`,
      {
        expected: digest,
        found: claimed,
      },
    );
  }

  return { digest, subjectNoted: header(answer, 'oci-subject') !== undefined };
}

function uploadTarget(registry: RegistryConnection, answer: HttpResponse, digest: string): URL {
  const location = header(answer, 'location');
  if (location === undefined || !URL.canParse(location, answer.url.href)) {
    throw new GantryError(
      'registry_response_invalid',
      `${registry.host} returned no usable upload URL`,
      {
        found: location,
      },
    );
  }

  const target = new URL(location, answer.url);
  if (registry.base.protocol === 'https:' && target.protocol !== 'https:')
    target.protocol = 'https:';
  target.searchParams.set('digest', digest);

  return target;
}

function uploadBody(source: BlobSource, blob: ExpectedBlob, onProgress: Progress) {
  if (source instanceof Uint8Array) return source;
  return (async function* () {
    let sent = 0;
    for await (const chunk of countStream(source(), blob.size, blob.digest)) {
      yield chunk;
      sent += chunk.length;
      onProgress(sent, blob.size);
    }
  })();
}
