import { GantryError, isGantryError } from '../../base/error.ts';
import { versionId } from '../../base/ids.ts';
import type { IngestMessage } from '../../contract/messages.ts';
import type { Candidate } from '../../domain/candidates/index.ts';
import type { ImageLabels, Module, Version } from '../../domain/modules/index.ts';
import { mayBeVersion, versionName } from '../../domain/modules/index.ts';
import { isOutage } from '../../registry/index.ts';
import { decideCandidate, getCandidate, updateCandidate } from '../../store/candidates/index.ts';
import { createEvent } from '../../store/event.ts';
import {
  createVersion,
  getModule,
  holdPolicy,
  noteProvider,
  policyChanged,
} from '../../store/modules/index.ts';
import { nameOwner, takeName } from '../../store/unique.ts';
import { judgeAgain, nextAttempt, postpone } from '../candidates/index.ts';
import { nowIso, type Services } from '../context/index.ts';
import { BudgetSpent, withRegistry } from '../registries/index.ts';
import { judgeAnew, storedSignatures } from '../signatures/index.ts';
import { type Build, readBuilds } from './read-builds.ts';

/**
 * Takes a verified candidate in: bytes to S3 (checked on the way), then one transaction that makes the version. Every
 * step before it writes content named by its digest, so a worker that dies anywhere leaves nothing to undo, and the same
 * message again, ten times or at once, makes one version.
 */
export async function ingestCandidate(services: Services, message: IngestMessage): Promise<void> {
  const candidate = await getCandidate(services.db, message.account, message.version_id);
  const module = await getModule(services.db, message.account, message.module);
  if (candidate === null || module === null || candidate.state !== 'verified') return;
  // A row that was not made for this artifact of this module is nothing to go by.
  if (candidate.id !== versionId(module.account, module.name, candidate.digest)) return;
  try {
    if (candidate.policy_version !== module.policy_version) throw policyChanged(module.name);
    await requireSigned(services, module, candidate);
    await refuseTakenVersion(services, candidate);
    const builds = await withRegistry(
      services,
      module.account,
      module.repository,
      'ingest',
      (client, reference) =>
        readBuilds(services, module, client, reference.repository, candidate.digest),
    );
    await commit(services, candidate, builds);
  } catch (error) {
    // Nothing has begun: the message is sent again.
    if (error instanceof BudgetSpent) throw error;
    // The same message, delivered twice: the other worker has made the version.
    if (isGantryError(error, 'already_exists')) return;
    if (isGantryError(error, 'policy_changed')) return judgeAgain(services, candidate);
    if (error instanceof GantryError && !isPassing(error))
      return reject(services, candidate, error);
    await postpone(services, candidate, error instanceof GantryError ? error : unavailable(error));
    // The message comes again too, but only when its visibility time, longer than the longest ingest, is over.
    if (!(error instanceof GantryError)) throw error;
  }
}

/** Judges the stored signatures once more: neither a candidate's row nor a remembered verdict lets anything in. */
async function requireSigned(
  services: Services,
  module: Module,
  candidate: Candidate,
): Promise<void> {
  const { digest, evidence_key } = candidate;
  const stored = evidence_key === null ? [] : await storedSignatures(services, evidence_key);
  const { verified, code, message } = await judgeAnew(services, module, digest, stored);
  if (verified) return;
  throw new GantryError(
    'signature_refused',
    `expected signatures that satisfy the policy among the stored ones of ${digest}, found ${code}: ${message}; it is verified again`,
    { found: code },
  );
}

/** Troubles of the registry, not of the artifact, and of ours: asked again. */
function isPassing(error: GantryError): boolean {
  return (
    isOutage(error) ||
    isGantryError(error, 'registry_response_invalid', 'conflict', 'signature_refused')
  );
}

function unavailable(cause: unknown): GantryError {
  return new GantryError('unavailable', 'storing the artifact failed; it is tried again', {
    cause,
  });
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

async function commit(services: Services, candidate: Candidate, builds: Build[]): Promise<void> {
  const { account, module, id, digest } = candidate;
  const at = nowIso(services);
  await noteProvider(services.db, account, module, builds[0]?.manifest.dependencies.provides ?? []);
  const labels = builds[0]?.labels ?? null;
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
    kind: labels === null ? 'node' : 'platform',
    labels,
    builds: builds.map(({ manifest: _, labels: __, ...build }) => build),
    manifest: builds[0]?.manifest,
    evidence_key: present.evidence_key ?? '',
    signatures: present.signatures,
    approvals: [],
    ingested_at: at,
    state_changed_at: at,
  });
  await decideCandidate(services.db, candidate, (present) => [
    // The policy that it was judged and taken in by rules now: a signer who was taken away a moment ago gets nothing in.
    holdPolicy(account, module, judgedBy(candidate, present)),
    createVersion(versionOf(named(present, labels))),
    takeName(account, 'version', nameIn(present), id, () => versionExists(present)),
    updateCandidate(present, {
      state: 'ingested',
      code: null,
      message: null,
      next_verify_at: null,
      updated_at: at,
    }),
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

/** The policy that a candidate was read with, unless it was judged by another meanwhile. */
function judgedBy(candidate: Candidate, { policy_version }: Candidate): string | null {
  if (policy_version !== candidate.policy_version) throw policyChanged(candidate.module);
  return policy_version;
}

/** @throws GantryError `module_id_mismatch` for a candidate whose tags give it another version than its image's label */
function named(candidate: Candidate, labels: ImageLabels | null): Candidate {
  const { version_string: expected } = candidate;
  if (labels === null || mayBeVersion(labels.version, expected)) return candidate;
  const field = 'org.opencontainers.image.version';
  const message = `expected the label ${field} to be ${expected}, as the tag says, found ${JSON.stringify(labels.version)}`;
  throw new GantryError('module_id_mismatch', message, { field, expected, found: labels.version });
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
