import { z } from 'zod';
import { limits } from '../base/limits/index.ts';
import {
  type AttestationRequirement,
  type AttestationSummary,
  isOfType,
  type SignatureVerdict,
} from '../domain/signatures/index.ts';
import type { SignatureClaim } from './material.ts';
import type { CompiledAttestation } from './policy.ts';

type Attestation = Extract<SignatureClaim, { kind: 'attestation' }>;

// SLSA provenance: v1 has the builder under `runDetails`, v0.2 at the top level.
const builder = z.looseObject({ id: z.string() });
const provenance = z.union([
  z
    .looseObject({ runDetails: z.looseObject({ builder }) })
    .transform(({ runDetails }) => runDetails.builder.id),
  z.looseObject({ builder }).transform((predicate) => predicate.builder.id),
]);

/**
 * Summarizes a verified attestation. Gantry verifies who made the statement, not whether it is
 * true.
 */
export function summarizeAttestation({
  predicateType,
  predicate,
}: Attestation): AttestationSummary {
  const builder_id = provenance.safeParse(predicate).data ?? null;
  return {
    predicate_type: shorten(predicateType),
    builder_id: builder_id === null ? null : shorten(builder_id),
  };
}

/** Returns the first requirement that no verified attestation meets, or null when all are met. */
export function findUnmetRequirement(
  required: CompiledAttestation[],
  verdicts: SignatureVerdict[],
): AttestationRequirement | null {
  const found = verdicts.flatMap(({ attestation }) => attestation ?? []);
  const missing = required.find(
    ({ source, builder }) =>
      !found.some(
        ({ predicate_type, builder_id }) =>
          isOfType(predicate_type, source.predicate_type) &&
          (builder === null || (builder_id !== null && builder.test(builder_id))),
      ),
  );

  return missing?.source ?? null;
}

function shorten(text: string): string {
  return text.slice(0, limits.verdictTextMax).toWellFormed();
}
