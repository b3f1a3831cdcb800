import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { readModuleTar, verifyModuleTar } from '../artifact/index.ts';
import type { IngestMessage } from '../contract/messages.ts';
import type { Module } from '../domain/module.ts';
import type { Candidate, Version, VersionBuild } from '../domain/version.ts';
import { GantryError, isGantryError } from '../error.ts';
import { limits } from '../limits.ts';
import { checkAgainstRow, type ModuleManifest, parseManifestJson } from '../manifest/index.ts';
import {
  type Descriptor,
  type ManifestContent,
  mediaTypes,
  parseIndex,
  parseManifest,
  type RegistryClient,
} from '../registry/index.ts';
import { getCandidate, updateCandidate } from '../store/candidate.ts';
import { transact } from '../store/db.ts';
import { createEvent } from '../store/event.ts';
import { getModule } from '../store/module.ts';
import { getStream, hasObject, objectKeys, putOnce, putStream } from '../store/objects.ts';
import { nameOwner, takeName } from '../store/unique.ts';
import { createVersion } from '../store/version.ts';
import { registryFor } from './registry-access.ts';
import { nowIso, type Services } from './services.ts';
import { nextAttempt } from './verify-candidate.ts';

/** The layer that a module is: `oras push … module.tar:application/vnd.powernode.module.v1+tar`. */
const layerMediaType = 'application/vnd.powernode.module.v1+tar';

interface Build extends VersionBuild {
  manifest: ModuleManifest;
}

/**
 * Takes a verified candidate in: bytes to S3 (checked on the way), then one transaction that makes the version. Every
 * step before it writes content named by its digest, so a worker that dies anywhere leaves nothing to undo, and the same
 * message again, ten times or at once, makes one version.
 */
export async function ingestCandidate(services: Services, message: IngestMessage): Promise<void> {
  const candidate = await getCandidate(services.db, message.account, message.version_id);
  const module = await getModule(services.db, message.account, message.module);
  if (candidate === null || module === null || candidate.state !== 'verified') return;
  try {
    await refuseTakenVersion(services, candidate);
    const { client, reference } = await registryFor(services, module.account, module.repository);
    const builds = await readBuilds(services, module, client, reference.repository, candidate.digest);
    await commit(services, candidate, builds);
  } catch (error) {
    if (!(error instanceof GantryError) || isPassing(error)) throw error;
    if (isGantryError(error, 'already_exists', 'conflict')) return;
    await reject(services, candidate, error);
  }
}

/** Troubles of the registry, not of the artifact: the message comes again. */
function isPassing(error: GantryError): boolean {
  return error.code.startsWith('registry_') && error.code !== 'registry_not_found';
}

async function refuseTakenVersion(services: Services, candidate: Candidate): Promise<void> {
  const owner = await nameOwner(services.db, candidate.account, 'version', versionName(candidate));
  if (owner !== null && owner !== candidate.id) throw versionExists(candidate);
}

function versionName(candidate: Candidate): string {
  return `${candidate.module}@${candidate.version_string}`;
}

function versionExists(candidate: Candidate): GantryError {
  return new GantryError(
    'version_exists',
    `version ${candidate.version_string} of "${candidate.module}" is another digest already; expected a new version`,
    { found: candidate.digest },
  );
}

/** The manifest, or each platform's manifest of an index, with its layer taken in. */
async function readBuilds(
  services: Services,
  module: Module,
  client: RegistryClient,
  repository: string,
  digest: string,
): Promise<Build[]> {
  const top = await client.getManifest(repository, digest);
  const { account } = module;
  await putOnce(services.objects, objectKeys.artifact(account, digest), top.bytes, top.mediaType);
  if (!isIndex(top)) {
    return [
      await readBuild(
        services,
        module,
        client,
        repository,
        top,
        module.platforms.length === 1 ? (module.platforms[0] ?? 'any') : 'any',
      ),
    ];
  }
  const children = parseIndex(top.bytes).manifests.filter((child) => platformOf(child) !== null);
  if (children.length === 0) {
    throw new GantryError('platform_missing', `expected manifests with a platform in index ${digest}, found none`);
  }
  const builds: Build[] = [];
  for (const child of children) {
    const manifest = await client.getManifest(repository, child.digest, { size: child.size });
    await putOnce(services.objects, objectKeys.artifact(account, child.digest), manifest.bytes, manifest.mediaType);
    builds.push(await readBuild(services, module, client, repository, manifest, platformOf(child) ?? 'any'));
  }
  return builds;
}

function isIndex(manifest: ManifestContent): boolean {
  return manifest.mediaType === mediaTypes.index || manifest.mediaType === mediaTypes.dockerIndex;
}

/** The template platform that an index entry is for: its annotation, else `<os>-<architecture>`; null for none. */
function platformOf(child: Descriptor): string | null {
  const named = child.annotations?.['vnd.powernode.module.platform'];
  if (named !== undefined) return named;
  const { platform } = child as { platform?: { os?: string; architecture?: string } };
  if (platform?.os === undefined || platform.os === 'unknown') return null;
  return `${platform.os}-${platform.architecture}`;
}

async function readBuild(
  services: Services,
  module: Module,
  client: RegistryClient,
  repository: string,
  content: ManifestContent,
  platform: string,
): Promise<Build> {
  const { layers } = parseManifest(content.bytes);
  const [layer] = layers;
  if (layer === undefined || layers.length !== 1 || layer.mediaType !== layerMediaType) {
    const found = layers.map(({ mediaType }) => mediaType).join(', ') || 'none';
    throw new GantryError('media_type_unsupported', `expected one layer ${layerMediaType}, found ${found}`, { found });
  }
  if (layer.size > limits.layerBytesMax) {
    const message = `expected a layer of at most ${limits.layerBytesMax} bytes, found ${layer.size}`;
    throw new GantryError('layer_too_large', message, { expected: limits.layerBytesMax, found: layer.size });
  }
  const tar = await takeLayer(services, module, client, repository, layer);
  const { digest } = verifyModuleTar(tar);
  const manifest = parseManifestJson(tar.manifestJson);
  const [problem] = checkAgainstRow(manifest, module);
  if (problem !== undefined) throw new GantryError(problem.code, problem.message, { field: problem.path });
  const file_index_key = objectKeys.fileIndex(module.account, layer.digest);
  const index = await promisify(gzip)(JSON.stringify(tar.entries));
  await putOnce(services.objects, file_index_key, index, 'application/gzip');
  return {
    platform,
    manifest_digest: content.digest,
    layer_digest: layer.digest,
    layer_size: layer.size,
    composefs_digest: `sha256:${digest}`,
    file_index_key,
    entries: tar.entries.length,
    manifest,
  };
}

/**
 * Streams the layer from the registry to S3 and through the archive's checks at once; nothing is kept whole. The stream
 * ends in an error when digest or size are not the stated ones, and then no object comes to be.
 */
async function takeLayer(
  services: Services,
  module: Module,
  client: RegistryClient,
  repository: string,
  layer: Descriptor,
) {
  const key = objectKeys.artifact(module.account, layer.digest);
  const options = { allowDevices: module.allow_devices };
  if (await hasObject(services.objects, key)) return readModuleTar(await getStream(services.objects, key), options);
  const upload = new PassThrough();
  const stored = putStream(services.objects, key, upload);
  // Both are awaited below; until then a failed upload must not count as unhandled.
  stored.catch(() => upload.destroy());
  try {
    const tar = await readModuleTar(copyTo(upload, client.getBlob(repository, layer)), options);
    upload.end();
    await stored;
    return tar;
  } catch (error) {
    upload.destroy(error as Error);
    await stored.catch(() => undefined);
    throw error;
  }
}

/** Passes chunks on and writes each to a stream as well, at the pace of the slower reader. */
async function* copyTo(sink: PassThrough, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    if (sink.destroyed) throw new Error('the upload to S3 failed');
    if (!sink.write(chunk)) {
      await new Promise<void>((resolve) => {
        sink.once('drain', resolve);
        sink.once('close', resolve);
      });
    }
    yield chunk;
  }
}

async function commit(services: Services, candidate: Candidate, builds: Build[]): Promise<void> {
  const { account, module, id, digest } = candidate;
  const at = nowIso(services);
  const version: Version = {
    account,
    module,
    id,
    digest,
    version_string: candidate.version_string,
    tags: candidate.tags,
    promotion_state: 'built',
    was_live: false,
    quarantined: false,
    held: false,
    builds: builds.map(({ manifest: _, ...build }) => build),
    manifest: builds[0]?.manifest,
    evidence_key: candidate.evidence_key ?? '',
    signatures: candidate.signatures,
    approvals: [],
    ingested_at: at,
    state_changed_at: at,
  };
  await transact(services.db, [
    createVersion(version),
    takeName(account, 'version', versionName(candidate), id, () => versionExists(candidate)),
    updateCandidate(candidate, { state: 'ingested', code: null, message: null, next_verify_at: null, updated_at: at }),
    createEvent({
      type: 'gantry.version.ingested',
      account,
      subject: `version/${id}`,
      actor: 'gantry:ingest',
      at,
      data: { module, digest, version: version.version_string, builds: version.builds.length },
    }),
  ]);
}

async function reject(services: Services, candidate: Candidate, error: GantryError): Promise<void> {
  const { account, module, id, digest } = candidate;
  const at = nowIso(services);
  // Bytes that differ from their digest may be whole at the next try; what the signed bytes say will not change.
  const again = error.code === 'blob_digest_mismatch' || error.code === 'blob_size_mismatch';
  await transact(services.db, [
    updateCandidate(candidate, {
      state: 'rejected',
      code: error.code,
      message: error.message,
      attempts: candidate.attempts + 1,
      next_verify_at: again ? nextAttempt(services, candidate) : null,
      updated_at: at,
    }),
    createEvent({
      type: 'gantry.candidate.rejected',
      account,
      subject: `version/${id}`,
      actor: 'gantry:ingest',
      at,
      data: { module, digest, code: error.code, message: error.message },
    }),
  ]);
}
