import { isDeepStrictEqual } from 'node:util';
import { verifyModuleTar } from '../../artifact/index.ts';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { composefsImage } from '../../composefs/index.ts';
import type { TreeEntry } from '../../domain/files/index.ts';
import {
  anyPlatform,
  type ImageLabels,
  type SideLayer,
  type VersionBuild,
} from '../../domain/modules/index.ts';
import { type ModuleManifest, matchRegistration, parseManifestJson } from '../../manifest/index.ts';
import {
  type Descriptor,
  isIndex,
  type Manifest,
  type ManifestContent,
  mediaTypes,
  parseIndex,
  parseManifest,
  platformAnnotation,
  platformOf,
  signed,
} from '../../registry/index.ts';
import { objectKeys, putByDigest } from '../../store/objects.ts';
import type { IngestSource } from './ingest-source.ts';
import { splitLayers, storeSideLayers } from './side-layers.ts';
import { storeFileIndex } from './store-file-index.ts';
import { isImage, storeImage } from './store-image.ts';
import { storeLayer } from './store-layer.ts';

/** A build with the manifest that its layer ships, or the labels of the image that it is. */
export interface Build extends VersionBuild {
  manifest: ModuleManifest;
  labels: ImageLabels | null;
  sideLayers: SideLayer[];
}

/** Stores the manifest, or each platform's manifest of an index, with its layer. */
export async function readBuilds(source: IngestSource, digest: string): Promise<Build[]> {
  const { module, client, repository } = source;
  const top = await client.getManifest(repository, digest);

  if (!signed(() => isIndex(top.bytes))) {
    await storeManifest(source, top, mediaTypes.manifest);
    const [platform = anyPlatform, ...others] = module.platforms;
    return [await readBuild(source, top, others.length === 0 ? platform : anyPlatform)];
  }

  await storeManifest(source, top, mediaTypes.index);
  const builds: Build[] = [];

  for (const child of platformsOf(top)) {
    const manifest = await client.getManifest(repository, child.digest, { size: child.size });
    await storeManifest(source, manifest, mediaTypes.manifest);
    builds.push(await readBuild(source, manifest, platformOf(child) ?? anyPlatform));
  }

  refuseDifferentManifests(builds, digest);
  return builds;
}

async function storeManifest(
  { services, module }: IngestSource,
  { bytes, digest }: ManifestContent,
  mediaType: string,
): Promise<void> {
  const key = objectKeys.artifact(module.account, digest);
  await putByDigest(services.objects, { key, body: bytes, type: mediaType }, services.now());
}

/**
 * Resolving and composing use one manifest for a version, but an agent uses the one in its layer.
 * They must be the same.
 */
function refuseDifferentManifests(builds: Build[], digest: string): void {
  const [first] = builds;
  const facts = (build: Build | undefined) => [build?.manifest, build?.labels];
  const other = builds.find((build) => !isDeepStrictEqual(facts(build), facts(first)));
  if (other === undefined) return;

  throw new GantryError(
    'artifact_invalid',
    `expected one manifest.json, or the same labels, in all builds of index ${digest}, found others in the one for ${other.platform}`,
    { found: other.platform },
  );
}

/** The manifests of an index that name a platform. No two name the same. */
function platformsOf({ bytes, digest }: ManifestContent): Descriptor[] {
  const children = signed(() => parseIndex(bytes)).manifests.filter(
    (child) => platformOf(child) !== null,
  );
  if (children.length === 0) {
    throw new GantryError(
      'platform_missing',
      `expected manifests with a platform in index ${digest}, found none`,
    );
  }

  if (children.length > limits.platformsMax) {
    throw new GantryError(
      'artifact_invalid',
      `expected at most ${limits.platformsMax} manifests with a platform in index ${digest}, found ${children.length}`,
      { expected: limits.platformsMax, found: children.length },
    );
  }

  refuseSamePlatform(children, digest);
  return children;
}

function refuseSamePlatform(children: readonly Descriptor[], digest: string): void {
  const byPlatform = Map.groupBy(children, platformOf);
  for (const [platform, [one, other]] of byPlatform) {
    if (one === undefined || other === undefined) continue;

    throw new GantryError(
      'artifact_invalid',
      `expected each manifest of index ${digest} to be for another platform, found ${one.digest} and ${other.digest} for ${platform}; tell them apart by the annotation ${platformAnnotation}`,
      { found: platform },
    );
  }
}

async function readBuild(
  source: IngestSource,
  content: ManifestContent,
  platform: string,
): Promise<Build> {
  const { services, module } = source;
  const found = signed(() => parseManifest(content.bytes));
  const stored = isImage(found)
    ? await storePlatformModule(source, found)
    : await storeNodeModule(source, found);

  const { layer, entries } = stored;
  const file_index_key = await storeFileIndex(services, { account: module.account, ...stored });
  return {
    platform,
    manifest_digest: content.digest,
    layer_digest: layer.digest,
    layer_size: layer.size,
    composefs_digest: `sha256:${stored.composefs}`,
    file_index_key,
    entries: entries.length,
    manifest: stored.manifest,
    labels: stored.labels,
    sideLayers: await storeSideLayers(source, platform, stored.sideLayers),
  };
}

interface StoredBuild extends Pick<Build, 'manifest' | 'labels'> {
  layer: { digest: string; size: number };
  sideLayers: Descriptor[];
  entries: TreeEntry[];
  outside: Uint8Array | undefined;
  /** Digest of the tree, 64 hex digits. */
  composefs: string;
}

async function storeNodeModule(source: IngestSource, { layers }: Manifest): Promise<StoredBuild> {
  const { layer, sideLayers } = splitLayers(layers);
  const { tar, outside } = await storeLayer(source, layer);
  const { digest } = verifyModuleTar(tar);

  const manifest = parseManifestJson(tar.manifestJson);
  refuseLargeManifest(manifest);

  const [problem] = matchRegistration(manifest, source.module);
  if (problem !== undefined)
    throw new GantryError(problem.code, problem.message, { field: problem.path });

  const { entries } = tar;
  return { layer, sideLayers, entries, outside, composefs: digest, manifest, labels: null };
}

/**
 * An image has no module manifest. It gets one that ships nothing to machines, and provides and
 * requires nothing.
 */
async function storePlatformModule(source: IngestSource, image: Manifest): Promise<StoredBuild> {
  const { labels, ...stored } = await storeImage(source, image);
  const { digest } = composefsImage(stored.entries);

  const manifest: ModuleManifest = {
    schema_version: 1,
    name: source.module.name,
    display_name: labels.title,
    package_spec: [],
    file_spec: [],
    mask: [],
    protected_spec: [],
    dependencies: { requires: [], provides: [] },
  };

  return { ...stored, sideLayers: [], composefs: digest, manifest, labels };
}

/** The version's row keeps the normalised form, which may be longer than the written one. */
function refuseLargeManifest(manifest: ModuleManifest): void {
  const found = Buffer.byteLength(JSON.stringify(manifest));
  const expected = limits.versionManifestBytesMax;
  if (found <= expected) return;

  const message = `expected a manifest of at most ${expected} bytes of JSON, found ${found}`;
  throw new GantryError('manifest_too_large', message, { expected, found });
}
