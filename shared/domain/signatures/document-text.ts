import type { AttestationSummary, DocumentSummary, SbomSummary } from './attestation.ts';
import { vexStatuses } from './attestation.ts';

/**
 * What a document says, in one line: "SBOM CycloneDX 1.6: 42 packages, GPL-2.0-only (12), MIT (10)
 * and 3 more licences". Texts of authors are cleaned of control characters.
 */
export function documentText(document: DocumentSummary, builder: string | null = null): string {
  const { kind, format, sbom, provenance, vex } = document;
  const names = { sbom: 'SBOM', provenance: 'provenance', vex: 'VEX', other: 'document' } as const;
  const facts = [
    ...(sbom === undefined ? [] : [sbomText(sbom)]),
    ...(builder === null ? [] : [`built by ${builder}`]),
    ...(provenance?.source_repository ? [`from ${provenance.source_repository}`] : []),
    ...(provenance?.source_commit ? [`commit ${provenance.source_commit}`] : []),
    ...vexStatuses.flatMap((status) =>
      vex?.[status] === undefined ? [] : [`${vex[status]} ${status.replaceAll('_', ' ')}`],
    ),
  ];

  const title = `${names[kind]} ${format ?? 'of a format that Gantry does not know'}`;
  const text = facts.length === 0 ? title : `${title}: ${facts.join(', ')}`;
  return cleanText(text);
}

function cleanText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}

function sbomText({ packages, licenses, more_licenses }: SbomSummary): string {
  const named = licenses.map((one) => `${one.license} (${one.packages})`).join(', ');
  const more = more_licenses === 0 ? '' : ` and ${more_licenses} more licences`;
  const counted = `${packages} ${packages === 1 ? 'package' : 'packages'}`;
  return [counted, ...(named === '' ? [] : [`${named}${more}`])].join(', ');
}

/** A verified attestation in one line, by its type where Gantry does not know the document. */
export function attestationText({
  predicate_type,
  builder_id,
  kind = 'other',
  format = null,
  ...parts
}: AttestationSummary): string {
  if (format === null) {
    const builder = builder_id === null ? '' : ` built by ${builder_id}`;
    return cleanText(`attestation of type ${predicate_type}${builder}`);
  }
  return documentText({ kind, format, ...parts }, builder_id);
}
