import { GantryError, isGantryError } from '../../base/error.ts';
import { versionId } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import type { IngestMessage } from '../../contract/messages.ts';
import type { Candidate } from '../../domain/candidates/index.ts';
import type { ImageLabels, Module, Version } from '../../domain/modules/index.ts';
import { mayBeVersion, splitProvided, versionName } from '../../domain/modules/index.ts';
import type { ArtifactVerdict } from '../../domain/signatures/index.ts';
import { isOutage, listBuilds } from '../../registry/index.ts';
import { getCandidate } from '../../store/candidates/index.ts';
import {
  createVersion,
  getModule,
  noteProvider,
  noteVersion,
  policyChanged,
  versionEvent,
} from '../../store/modules/index.ts';
import type { Write } from '../../store/table/index.ts';
import { findNameOwner, takeName } from '../../store/unique.ts';
import { moveCandidate } from '../candidates/index.ts';
import { enqueue, nowIso, type Services } from '../context/index.ts';
import { BudgetSpent, retryAfterSeconds, withRegistry } from '../registries/index.ts';
import { readStoredSignatures, verifySignaturesUncached } from '../signatures/index.ts';
import { type Build, readBuilds } from './read-builds.ts';
import { refuseBuild } from './refuse-build.ts';
import { boundSideLayers } from './side-layers.ts';

const actor = 'gantry:ingest';

/**
 * Ingests a verified candidate: its bytes go to S3, checked on the way, then one transaction makes
 * the version. Each step before the transaction writes content named by its digest. So a worker
 * that dies leaves nothing to undo, and a message that is delivered several times makes one
 * version.
 * @returns the outcome, for the log
 */
export async function ingestCandidate(services: Services, message: IngestMessage): Promise<string> {
  const candidate = await getCandidate(services.db, message.account, message.version_id);
  const module = await getModule(services.db, message.account, message.module);
  if (candidate === null || module === null) return 'unknown';
  if (candidate.state !== 'verified') return 'settled';
  // Trust no row that was not made for this artifact of this module.
  if (candidate.id !== versionId(module.account, module.name, candidate.digest))
    return 'mismatched';

  try {
    const builds = await storeBuilds(services, module, candidate);
    const outcome = await makeVersion(services, module, candidate, builds);
    await lookLater(services, candidate);
    return outcome;
  } catch (error) {
    return settleFailure(services, candidate, error);
  }
}

/** CI signs an artifact before it attests it, so attestations may come after the ingest. */
async function lookLater(services: Services, { account, module, id }: Candidate): Promise<void> {
  const look = { account, module, version_id: id, look: true };
  await enqueue(services, 'reverify', [look], limits.lookForAttestationsSeconds);
}

/** Checks that the candidate may become a version, then stores its bytes. */
async function storeBuilds(
  services: Services,
  module: Module,
  candidate: Candidate,
): Promise<Build[]> {
  if (candidate.policy_version !== module.policy_version) throw policyChanged(module.name);

  const verdict = await verifyStored(services, module, candidate);
  if (verdict.code !== 'attestation_missing') requireSigned(verdict);
  await requireFreeVersion(services, candidate);

  const { account, repository } = module;
  const access = { account, repository, purpose: 'ingest' } as const;
  return withRegistry(services, access, async ({ client, reference }) => {
    const source = { services, module, client, repository: reference.repository };
    if (!verdict.verified) {
      // The builds of an index may have the attestations.
      const builds = listBuilds(await client.getManifest(source.repository, candidate.digest));
      requireSigned(await verifyStored(services, module, candidate, builds));
    }

    await refuseBuild(client, source.repository, candidate);
    return readBuilds(source, candidate.digest);
  });
}

/**
 * Verifies the stored signatures once more: neither a candidate's row nor a stored verdict lets an
 * artifact in.
 */
async function verifyStored(
  services: Services,
  module: Module,
  { digest, stored_signatures_key }: Candidate,
  builds: string[] = [],
): Promise<ArtifactVerdict> {
  const stored =
    stored_signatures_key === null
      ? []
      : await readStoredSignatures(services, stored_signatures_key);
  return verifySignaturesUncached(services, module, { digest, builds }, stored);
}

function requireSigned({ verified, digest, code, message }: ArtifactVerdict): void {
  if (verified) return;

  throw new GantryError(
    'signature_refused',
    `expected signatures that satisfy the policy among the stored ones of ${digest}, found ${code}: ${message}; Gantry verifies it again`,
    { found: code },
  );
}

async function requireFreeVersion(services: Services, candidate: Candidate): Promise<void> {
  const name = versionNameOf(candidate);
  const owner = await findNameOwner(services.db, {
    account: candidate.account,
    kind: 'version',
    value: name,
  });
  if (owner !== null && owner !== candidate.id) throw versionExistsError(candidate);
}

async function makeVersion(
  services: Services,
  module: Module,
  candidate: Candidate,
  builds: Build[],
): Promise<string> {
  const { account, name } = module;
  const provides = (builds[0]?.manifest.dependencies.provides ?? []).map(splitProvided);
  const capabilities = new Set(provides.map(({ capability }) => capability));

  await noteProvider(services.db, account, name, [...capabilities]);

  const at = nowIso(services);
  return moveCandidate(
    services,
    candidate,
    { kind: 'ingested' },
    { actor, alongside: (present) => versionWrites(candidate, present, builds, at) },
  );
}

/**
 * The writes that make a version of a candidate, for the tags and the name that the candidate has
 * now.
 */
function versionWrites(read: Candidate, present: Candidate, builds: Build[], at: string): Write[] {
  const { account, module, id, digest } = present;
  // The policy that verified the candidate must still be in force: a signer that was just removed
  // must not let an artifact in.
  if (present.policy_version !== read.policy_version) throw policyChanged(module);

  const version = versionOf(present, builds, at);
  requireLabelVersion(present, version.labels);

  const { version_string } = version;
  return [
    noteVersion(account, module, present.policy_version),
    createVersion(version),
    takeName({ account, kind: 'version', value: versionNameOf(present), owner: id }, () =>
      versionExistsError(present),
    ),
    versionEvent(version, { actor, at }, 'ingested', {
      digest,
      version: version_string,
      builds: builds.length,
    }),
  ];
}

function versionOf(candidate: Candidate, builds: Build[], at: string): Version {
  const [first] = builds;
  if (first === undefined) throw new Error('expected a build');

  const { labels, manifest } = first;
  const sideLayers = boundSideLayers(builds.flatMap((build) => build.sideLayers));
  return {
    account: candidate.account,
    module: candidate.module,
    id: candidate.id,
    digest: candidate.digest,
    version_string: candidate.version_string,
    tags: candidate.tags,
    promotion_state: 'built',
    was_live: false,
    quarantined: false,
    held: false,
    kind: labels === null ? 'node' : 'platform',
    labels,
    builds: builds.map(({ manifest: _, labels: __, sideLayers: ___, ...build }) => build),
    ...(sideLayers.length === 0 ? {} : { side_layers: sideLayers }),
    manifest,
    stored_signatures_key: candidate.stored_signatures_key ?? '',
    signatures: candidate.signatures,
    approvals: [],
    revision: 1,
    ingested_at: at,
    state_changed_at: at,
  };
}

/**
 * @throws GantryError `module_id_mismatch` for a candidate whose tags give another version than its
 * image's label
 */
function requireLabelVersion(candidate: Candidate, labels: ImageLabels | null): void {
  const { version_string: expected } = candidate;
  if (labels === null || mayBeVersion(labels.version, expected)) return;

  const field = 'org.opencontainers.image.version';
  const message = `expected the label ${field} to be ${expected}, as the tag says, found ${JSON.stringify(labels.version)}`;
  throw new GantryError('module_id_mismatch', message, { field, expected, found: labels.version });
}

/**
 * Codes for missing or wrong bytes, which may be right at the next attempt. Codes about the signed
 * content are final.
 */
const passingRefusals = [
  'blob_digest_mismatch',
  'blob_size_mismatch',
  'manifest_digest_mismatch',
  'registry_not_found',
] as const;

async function settleFailure(
  services: Services,
  candidate: Candidate,
  error: unknown,
): Promise<string> {
  // The ingest has not begun, and the message is sent again.
  if (error instanceof BudgetSpent) throw error;
  // The same message, delivered twice: the other worker has made the version.
  if (isGantryError(error, 'already_exists')) return 'settled';

  if (isGantryError(error, 'policy_changed'))
    return moveCandidate(services, candidate, { kind: 'policy_changed' }, { actor });

  if (error instanceof GantryError && !isPassing(error)) {
    const { code, message } = error;
    const final = !isGantryError(error, ...passingRefusals);
    const refused = { kind: 'ingest_refused', code, message, final } as const;
    return moveCandidate(services, candidate, refused, { actor });
  }

  const known = error instanceof GantryError ? error : storingFailedError(error);
  const { code, message } = known;
  const wait_seconds = retryAfterSeconds(known);

  await moveCandidate(
    services,
    candidate,
    { kind: 'postponed', code, message, wait_seconds },
    { actor },
  );

  // SQS delivers the message again too, but only after its visibility time-out, which exceeds the
  // longest ingest.
  if (known !== error) throw error;
  return 'postponed';
}

/** Failures of the registry or of Gantry that say nothing about the artifact. */
function isPassing(error: GantryError): boolean {
  return (
    isOutage(error) ||
    isGantryError(error, 'registry_response_invalid', 'conflict', 'signature_refused')
  );
}

function storingFailedError(cause: unknown): GantryError {
  return new GantryError('unavailable', 'storing the artifact failed; Gantry retries', {
    cause,
  });
}

function versionNameOf({ module, version_string }: Candidate): string {
  return versionName(module, version_string);
}

function versionExistsError(candidate: Candidate): GantryError {
  return new GantryError(
    'version_exists',
    `version ${candidate.version_string} of "${candidate.module}" already belongs to another digest; expected a new version`,
    { found: candidate.digest },
  );
}
