import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { GantryError } from '../../shared/base/error.ts';
import { emptyBlob } from '../../shared/registry/index.ts';
import type { Target } from '../input/registry-target.ts';
import { artifactManifest } from './artifact-manifest.ts';
import { type BuildFile, findBuilds } from './builds.ts';
import { indexManifest, toOciPlatform } from './index-manifest.ts';

/** The build of one platform in the registry. */
interface PushedBuild {
  platform: string | null;
  /** Digest of the OCI manifest. */
  digest: string;
  layer_digest: string;
  layer_size: number;
  /** False if the registry already had the layer. */
  uploaded: boolean;
}

/** An artifact in the registry that may have no tag yet. */
export interface PushedArtifact {
  /** Digest of the OCI manifest or index, which is what gets signed. */
  digest: string;
  manifest: { bytes: Uint8Array; mediaType: string };
  builds: [PushedBuild, ...PushedBuild[]];
}

type OnProgress = (sent: number, size: number) => void;

/**
 * Pushes a build as an OCI manifest with one layer, or several builds as an index, and tags it. The
 * same builds give the same bytes.
 * @param path a module.tar, a directory that has one, or one that has a directory for each platform
 * @throws GantryError see `pushByDigest`
 */
export async function pushModule(
  target: Target,
  path: string,
  onProgress: OnProgress,
  env: NodeJS.ProcessEnv = process.env,
): Promise<PushedArtifact> {
  const pushed = await pushByDigest(target, path, onProgress, env);
  await tagArtifact(target, pushed);
  return pushed;
}

/**
 * Pushes the same without the tag, so that it can be signed before anybody sees it.
 * @throws GantryError `io_error`, `layer_too_large`, `usage` for a reference with a digest and for
 * directories that are not builds of platforms, `registry_*`
 */
export async function pushByDigest(
  target: Target,
  path: string,
  onProgress: OnProgress,
  env: NodeJS.ProcessEnv = process.env,
): Promise<PushedArtifact> {
  if (target.reference.digest !== undefined) {
    throw new GantryError('usage', 'expected a reference with a tag to push to, found a digest', {
      found: target.reference.digest,
    });
  }

  const files = await findBuilds(path);
  for (const { platform } of files) if (platform !== null) toOciPlatform(platform);

  const pushed: (Omit<PushedArtifact, 'builds'> & { build: PushedBuild })[] = [];
  for (const file of files) pushed.push(await pushBuild(target, file, onProgress, env));

  const [first, ...others] = pushed;
  if (first === undefined) throw new GantryError('io_error', 'expected a build, found none');
  const builds: PushedArtifact['builds'] = [first.build, ...others.map(({ build }) => build)];
  if (first.build.platform === null) return { ...first, builds };

  const index = indexManifest(
    pushed.map(({ digest, manifest, build }) => ({
      platform: build.platform ?? '',
      digest,
      size: manifest.bytes.length,
    })),
  );
  return { ...(await putByDigest(target, index)), builds };
}

/** Gives the artifact the tag of the reference. @throws GantryError `registry_*` */
export async function tagArtifact(
  { client, reference, name }: Target,
  { manifest }: PushedArtifact,
): Promise<void> {
  await client.putManifest(reference.repository, name, manifest);
}

async function pushBuild(
  target: Target,
  { tar, platform }: BuildFile,
  onProgress: OnProgress,
  env: NodeJS.ProcessEnv,
) {
  const { client, reference } = target;
  const layer = await describeTar(tar);
  const { uploaded } = await client.pushBlob(
    reference.repository,
    layer,
    () => createReadStream(tar),
    onProgress,
  );

  await client.pushBlob(reference.repository, emptyBlob, emptyBlob.bytes);
  const created =
    env.SOURCE_DATE_EPOCH === undefined
      ? await readFirstEntryTime(tar)
      : parseEpoch(env.SOURCE_DATE_EPOCH);
  const put = await putByDigest(target, artifactManifest(layer, basename(tar), created));

  const { digest } = put;
  const build = {
    platform,
    digest,
    layer_digest: layer.digest,
    layer_size: layer.size,
    uploaded,
  };
  return { ...put, build };
}

async function putByDigest(
  { client, reference }: Target,
  document: { mediaType: string },
): Promise<Omit<PushedArtifact, 'builds'>> {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  const manifest = { bytes, mediaType: document.mediaType };
  const named = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const { digest } = await client.putManifest(reference.repository, named, manifest);
  return { digest, manifest };
}

async function describeTar(tar: string): Promise<{ digest: string; size: number }> {
  const hash = createHash('sha256');
  let size = 0;

  for await (const chunk of createReadStream(tar)) {
    hash.update(chunk);
    size += chunk.length;
  }

  return { digest: `sha256:${hash.digest('hex')}`, size };
}

/**
 * Reads the time of the first tar header (octal, at 136), which the build took from
 * SOURCE_DATE_EPOCH.
 */
async function readFirstEntryTime(tar: string): Promise<number> {
  const file = await open(tar);
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(12), 0, 12, 136);
    const text = buffer.subarray(0, bytesRead).toString('latin1').replaceAll('\0', ' ').trim();
    return /^[0-7]{1,11}$/.test(text) ? Number.parseInt(text, 8) : 0;
  } finally {
    await file.close();
  }
}

function parseEpoch(text: string): number {
  if (/^[0-9]{1,11}$/.test(text)) return Number(text);
  throw new GantryError('usage', `expected SOURCE_DATE_EPOCH in seconds, found "${text}"`, {
    found: text,
  });
}
