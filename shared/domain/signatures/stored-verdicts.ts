import { limits } from '../../base/limits/index.ts';
import { type AttestationSummary, withoutLicenses } from './attestation.ts';
import type { SignatureVerdict } from './signature.ts';

/**
 * Truncates verdicts so that they fit a row, which holds 400 KB: a certificate may name its signer
 * in a megabyte, and fifty may do so. If many texts are long, all are cut shorter, and the claims,
 * the proofs and the details of attestations are left out.
 */
export function truncateVerdicts(verdicts: SignatureVerdict[]): SignatureVerdict[] {
  const truncated = truncateTexts(verdicts, limits.verdictTextMax);
  if (Buffer.byteLength(JSON.stringify(truncated)) <= limits.verdictBytesMax) return truncated;

  return truncateTexts(
    truncated.map(({ claims: _, proof: __, attestation, ...verdict }) => ({
      ...verdict,
      ...(attestation === undefined ? {} : { attestation: shortenAttestation(attestation) }),
    })),
    limits.verdictTextShortMax,
  );
}

/** A cut builder or source could match a regexp that the whole one does not, so none is kept. */
function shortenAttestation(attestation: AttestationSummary): AttestationSummary {
  const { sbom, provenance, subjects: _, ...rest } = attestation;
  const whole = (text: string | null) =>
    text !== null && text.length <= limits.verdictTextShortMax ? text : null;

  return {
    ...rest,
    builder_id: whole(rest.builder_id),
    ...(sbom === undefined ? {} : { sbom: withoutLicenses(sbom) }),
    ...(provenance === undefined
      ? {}
      : {
          provenance: {
            source_repository: whole(provenance.source_repository),
            source_commit: whole(provenance.source_commit),
          },
        }),
  };
}

function truncateTexts<T>(value: T, textMax: number): T {
  return JSON.parse(JSON.stringify(value), (_, inner) =>
    // Half a surrogate pair would not fit a row.
    typeof inner === 'string' ? inner.slice(0, textMax).toWellFormed() : inner,
  );
}
