import { z } from 'zod';
import { limits } from '../base/limits/index.ts';
import type {
  AttestationRequirement,
  AttestationSummary,
  SignatureVerdict,
} from '../domain/signatures/index.ts';
import type { Claim } from './material.ts';
import type { CompiledAttestation } from './policy.ts';

type Attestation = Extract<Claim, { kind: 'attestation' }>;

// SLSA provenance: v1 has the builder under `runDetails`, v0.2 at the top.
const builder = z.looseObject({ id: z.string() });
const provenance = z.union([
  z
    .looseObject({ runDetails: z.looseObject({ builder }) })
    .transform(({ runDetails }) => runDetails.builder.id),
  z.looseObject({ builder }).transform((predicate) => predicate.builder.id),
]);

/** What is kept of a verified attestation: what it says is not judged, but who says it is. */
export function summarise({ predicateType, predicate }: Attestation): AttestationSummary {
  const builder_id = provenance.safeParse(predicate).data ?? null;
  return {
    predicate_type: short(predicateType),
    builder_id: builder_id === null ? null : short(builder_id),
  };
}

/** True for the type itself and its versions: `https://slsa.dev/provenance` takes `https://slsa.dev/provenance/v1`. */
export function isOfType(found: string, wanted: string): boolean {
  return (
    found === wanted ||
    (found.startsWith(`${wanted}/v`) && /^[0-9.]+$/.test(found.slice(wanted.length + 2)))
  );
}

/** The first requirement that no verified attestation meets; null when all are met. */
export function unmet(
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

function short(text: string): string {
  return text.slice(0, limits.verdictTextMax);
}
