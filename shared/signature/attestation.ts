import { hash } from 'node:crypto';
import { encodeDocument, readBuilder, summarizePredicate } from '../attestation/index.ts';
import { limits } from '../base/limits/index.ts';
import {
  type AttestationRequirement,
  type AttestationSummary,
  coversBuilds,
  type FoundSignature,
  meetsRequirement,
  type SignatureVerdict,
} from '../domain/signatures/index.ts';
import { readModuleBundle } from './bundle.ts';
import { readLegacy } from './legacy.ts';
import type { SignatureClaim } from './material.ts';
import type { CompiledAttestation } from './policy.ts';

type Attestation = Extract<SignatureClaim, { kind: 'attestation' }>;

/** What a verified attestation may be about. */
export interface CoveredDigests {
  /** The artifact. */
  digest: string;
  /** What an index lists. */
  builds: readonly string[];
}

/**
 * Summarizes a verified attestation of an artifact or of its builds. Gantry verifies who made the
 * statement, not whether it is true.
 */
export function summarizeAttestation(
  { predicateType, predicate, subjects }: Attestation,
  { digest, builds }: CoveredDigests,
): AttestationSummary {
  const builder_id = readBuilder(predicate);
  const bytes = encodeDocument(predicate);
  const named = subjects.map((subject) => subject.digest);
  // A statement about each build of an index is about the whole.
  const isWhole = builds.length > 0 && builds.every((build) => named.includes(build));
  const isAboutBuilds = !isWhole && !named.includes(digest);
  const others = named.filter((other) =>
    isAboutBuilds ? builds.includes(other) : other !== digest && isDigest(other),
  );

  return {
    predicate_type: predicateType.slice(0, limits.verdictTextMax).toWellFormed(),
    // A part could match a regexp that the whole id does not match.
    builder_id:
      builder_id !== null && builder_id.length > limits.verdictTextMax ? null : builder_id,
    ...summarizePredicate(predicateType, predicate),
    document: { digest: `sha256:${hash('sha256', bytes, 'hex')}`, size: bytes.length },
    ...(others.length === 0 ? {} : { subjects: others.slice(0, limits.furtherSubjectsMax) }),
    ...(isAboutBuilds ? { builds_only: true } : {}),
  };
}

function isDigest(text: string): boolean {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/**
 * The bytes of the document in an attestation that was verified: its predicate, as
 * `summarizeAttestation` named it.
 */
export function readDocument(found: FoundSignature): Buffer | null {
  const { claim } = found.format === 'bundle' ? readModuleBundle(found.bundle) : readLegacy(found);
  return claim.kind === 'attestation' ? encodeDocument(claim.predicate) : null;
}

/** Returns the first requirement that no verified attestation meets, or null when all are met. */
export function findUnmetRequirement(
  required: CompiledAttestation[],
  verdicts: SignatureVerdict[],
  builds: readonly string[],
): AttestationRequirement | null {
  const found = verdicts.flatMap(({ attestation }) => attestation ?? []);
  const missing = required.find(
    ({ source: { predicate_type }, builder, repository }) =>
      !coversBuilds(found, builds, (one) =>
        meetsRequirement(one, { predicate_type, builder, source: repository }),
      ),
  );

  return missing?.source ?? null;
}
