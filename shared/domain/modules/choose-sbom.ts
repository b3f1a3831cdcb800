import type { DocumentSummary, SbomSummary } from '../signatures/index.ts';

interface FoundDocument extends Pick<DocumentSummary, 'kind'> {
  /** The platform whose manifest has it; null for an attestation of the whole artifact. */
  platform: string | null;
  sbom?: SbomSummary;
}

/**
 * Chooses the SBOM of a version: the first that Gantry understands, attested ones before those in
 * layers, as they are listed. That of a platform is preferred for it, and never taken for another.
 */
export function chooseSbom<Found extends FoundDocument>(
  documents: readonly Found[],
  platform: string | null,
): Found | null {
  const fitting = documents.filter(
    (one) =>
      one.kind === 'sbom' &&
      (platform === null || one.platform === null || one.platform === platform),
  );
  const rank = (one: Found) =>
    (one.sbom === undefined ? 2 : 0) + (platform !== null && one.platform === null ? 1 : 0);

  return [...fitting].sort((a, b) => rank(a) - rank(b))[0] ?? null;
}
