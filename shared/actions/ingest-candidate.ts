import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { verifyModuleTar } from '../artifact/index.ts';
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
import { decideCandidate, getCandidate, updateCandidate } from '../store/candidate.ts';
import { createEvent } from '../store/event.ts';
import { encodeFileIndex } from '../store/file-index.ts';
import { getModule } from '../store/module.ts';
import { objectKeys, putOnce } from '../store/objects.ts';
import { noteProvider } from '../store/provider.ts';
import { nameOwner, takeName } from '../store/unique.ts';
import { createVersion } from '../store/version.ts';
import { BudgetSpent } from './host-budget.ts';
import { withRegistry } from './registry-access.ts';
import { versionName } from './see-tag.ts';
import { nowIso, type Services } from './services.ts';
import { takeLayer } from './take-layer.ts';
import { nextAttempt, postpone } from './verify-candidate.ts';

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
  if (candidate.module !== module.name) return;
  try {
    await refuseTakenVersion(services, candidate);
    const builds = await withRegistry(services, module.account, module.repository, 'ingest', (client, reference) =>
      readBuilds(services, module, client, reference.repository, candidate.digest),
    );
    await commit(services, candidate, builds);
  } catch (error) {
    // Nothing has begun: the message is sent again.
    if (error instanceof BudgetSpent) throw error;
    // The same message, delivered twice: the other worker has made the version.
    if (isGantryError(error, 'already_exists')) return;
    if (error instanceof GantryError && !isPassing(error)) return reject(services, candidate, error);
    await postpone(services, candidate, error instanceof GantryError ? error : unavailable(error));
    // The message comes again too, but only when its visibility time, longer than the longest ingest, is over.
    if (!(error instanceof GantryError)) throw error;
  }
}

/** Troubles of the registry, not of the artifact, and of ours: asked again. */
function isPassing(error: GantryError): boolean {
  return (error.code.startsWith('registry_') && error.code !== 'registry_not_found') || error.code === 'conflict';
}

function unavailable(cause: unknown): GantryError {
  return new GantryError('unavailable', 'storing the artifact failed; it is tried again', { cause });
}

async function refuseTakenVersion(services: Services, candidate: Candidate): Promise<void> {
  const owner = await nameOwner(services.db, candidate.account, 'version', nameIn(candidate));
  if (owner !== null && owner !== candidate.id) throw versionExists(candidate);
}

function nameIn({ module, version_string }: Candidate): string {
  return versionName(module, version_string);
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
  await putOnce(services.objects, objectKeys.artifact(account, digest), top.bytes, top.mediaType, services.now());
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
  const builds: Build[] = [];
  for (const child of platformsOf(top)) {
    const manifest = await client.getManifest(repository, child.digest, { size: child.size });
    const key = objectKeys.artifact(account, child.digest);
    await putOnce(services.objects, key, manifest.bytes, manifest.mediaType, services.now());
    builds.push(await readBuild(services, module, client, repository, manifest, platformOf(child) ?? 'any'));
  }
  refuseDifferentManifests(builds, digest);
  return builds;
}

/** A version has one manifest, by which it is composed and resolved; agents go by the one in the layer that they run. */
function refuseDifferentManifests(builds: Build[], digest: string): void {
  const [first] = builds;
  const other = builds.find(({ manifest }) => !isDeepStrictEqual(manifest, first?.manifest));
  if (other === undefined) return;
  throw new GantryError(
    'artifact_invalid',
    `expected one manifest.json in all builds of index ${digest}, found another in the one for ${other.platform}`,
    { found: other.platform },
  );
}

function isIndex(manifest: ManifestContent): boolean {
  return manifest.mediaType === mediaTypes.index || manifest.mediaType === mediaTypes.dockerIndex;
}

/** The manifests of an index that are for a platform, each for another. */
function platformsOf({ bytes, digest }: ManifestContent): Descriptor[] {
  const children = signed(() => parseIndex(bytes)).manifests.filter((child) => platformOf(child) !== null);
  if (children.length === 0) {
    throw new GantryError('platform_missing', `expected manifests with a platform in index ${digest}, found none`);
  }
  const platforms = new Set(children.map(platformOf));
  if (platforms.size !== children.length || children.length > limits.platformsMax) {
    throw new GantryError(
      'artifact_invalid',
      `expected at most ${limits.platformsMax} manifests in index ${digest}, each for another platform; found ${children.length} for ${platforms.size} platforms`,
      { found: children.length },
    );
  }
  return children;
}

/** Parses bytes that a signature covers: what is wrong with them is the artifact's fault, not the registry's. */
function signed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isGantryError(error, 'registry_response_invalid')) throw error;
    throw new GantryError('artifact_invalid', error.message, { cause: error });
  }
}

const platformSchema = z.object({ platform: z.object({ os: z.string(), architecture: z.string() }) });

/** The template platform that an index entry is for: its annotation, else `<os>-<architecture>`; null for none. */
function platformOf(child: Descriptor): string | null {
  const named = child.annotations?.['vnd.powernode.module.platform'];
  if (named !== undefined) return named;
  const { data } = platformSchema.safeParse(child);
  // Builders list their attestations as manifests for the platform unknown/unknown.
  if (data === undefined || data.platform.os === 'unknown') return null;
  return `${data.platform.os}-${data.platform.architecture}`;
}

async function readBuild(
  services: Services,
  module: Module,
  client: RegistryClient,
  repository: string,
  content: ManifestContent,
  platform: string,
): Promise<Build> {
  const { layers } = signed(() => parseManifest(content.bytes));
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
  refuseLargeManifest(manifest);
  const [problem] = checkAgainstRow(manifest, module);
  if (problem !== undefined) throw new GantryError(problem.code, problem.message, { field: problem.path });
  const file_index_key = objectKeys.fileIndex(module.account, layer.digest);
  const index = await encodeFileIndex(tar.entries);
  await putOnce(services.objects, file_index_key, index, 'application/gzip', services.now());
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

/** In normalised form, which may be longer than what was written: it is what the version's row keeps. */
function refuseLargeManifest(manifest: ModuleManifest): void {
  const found = Buffer.byteLength(JSON.stringify(manifest));
  const expected = limits.versionManifestBytesMax;
  if (found <= expected) return;
  const message = `expected a manifest of at most ${expected} bytes of JSON, found ${found}`;
  throw new GantryError('manifest_too_large', message, { expected, found });
}

async function commit(services: Services, candidate: Candidate, builds: Build[]): Promise<void> {
  const { account, module, id, digest } = candidate;
  const at = nowIso(services);
  await noteProvider(services.db, account, module, builds[0]?.manifest.dependencies.provides ?? []);
  const versionOf = (present: Candidate): Version => ({
    account,
    module,
    id,
    digest,
    version_string: present.version_string,
    tags: present.tags,
    promotion_state: 'built',
    was_live: false,
    quarantined: false,
    held: false,
    builds: builds.map(({ manifest: _, ...build }) => build),
    manifest: builds[0]?.manifest,
    evidence_key: present.evidence_key ?? '',
    signatures: present.signatures,
    approvals: [],
    ingested_at: at,
    state_changed_at: at,
  });
  await decideCandidate(services.db, candidate, (present) => [
    createVersion(versionOf(present)),
    takeName(account, 'version', nameIn(present), id, () => versionExists(present)),
    updateCandidate(present, { state: 'ingested', code: null, message: null, next_verify_at: null, updated_at: at }),
    createEvent({
      type: 'gantry.version.ingested',
      account,
      subject: `version/${id}`,
      actor: 'gantry:ingest',
      at,
      data: { module, digest, version: present.version_string, builds: builds.length },
    }),
  ]);
}

const incomplete = [
  'blob_digest_mismatch',
  'blob_size_mismatch',
  'manifest_digest_mismatch',
  'registry_not_found',
] as const;

async function reject(services: Services, candidate: Candidate, error: GantryError): Promise<void> {
  const { account, module, id, digest } = candidate;
  const at = nowIso(services);
  // Bytes that are missing or wrong may be whole at the next try; what the signed bytes say will not change.
  const again = isGantryError(error, ...incomplete);
  await decideCandidate(services.db, candidate, (present) => [
    updateCandidate(present, {
      state: 'rejected',
      code: error.code,
      message: error.message,
      attempts: present.attempts + 1,
      next_verify_at: again ? nextAttempt(services, present) : null,
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
