import { cutText } from '../base/cut-text.ts';
import { limits } from '../base/limits/index.ts';
import {
  type DocumentKind,
  type DocumentSummary,
  isOfType,
  provenanceType,
  type SbomSummary,
  type VexSummary,
} from '../domain/signatures/index.ts';
import { readProvenance } from './provenance.ts';
import { readPackages, type SbomPackage } from './sbom.ts';
import { readVex } from './vex.ts';

const kindsByPredicateType: readonly (readonly [string, DocumentKind])[] = [
  ['https://cyclonedx.org/bom', 'sbom'],
  ['https://cyclonedx.org/vex', 'vex'],
  ['https://spdx.dev/Document', 'sbom'],
  [provenanceType, 'provenance'],
  ['https://openvex.dev/ns', 'vex'],
];

/** The media types of layers beside a module's tar, without a suffix such as `+json`. */
const kindsByMediaType: readonly (readonly [RegExp, DocumentKind])[] = [
  [/^application\/vnd\.cyclonedx\.vex(?:\+json)?$/, 'vex'],
  [/^application\/vnd\.cyclonedx(?:\+json)?$/, 'sbom'],
  [/^application\/(?:vnd\.)?openvex(?:\+json)?$/, 'vex'],
  [/^(?:application|text)\/spdx(?:\+json)?$/, 'sbom'],
  [/^application\/vnd\.powernode\.module\.packages$/, 'other'],
];

/** The kind of document of a media type; null for a type that is not known. */
export function kindOfMediaType(mediaType: string): DocumentKind | null {
  const type = withoutParameters(mediaType);
  return kindsByMediaType.find(([pattern]) => pattern.test(type))?.[1] ?? null;
}

/** A media type without parameters, which may be any text. */
export function withoutParameters(mediaType: string): string {
  return mediaType.replace(/;.*$/s, '').trim();
}

/** Summarizes the predicate of an attestation of a type. */
export function summarizePredicate(predicateType: string, predicate: unknown): DocumentSummary {
  const kind = kindsByPredicateType.find(([type]) => isOfType(predicateType, type))?.[1] ?? 'other';
  return summarizeDocument(kind, predicate);
}

/**
 * Summarizes a document that is said to be of a kind. CycloneDX has SBOM and VEX in one format: a
 * document of it with vulnerabilities and no packages is a VEX.
 */
export function summarizeDocument(kind: DocumentKind, document: unknown): DocumentSummary {
  if (kind === 'provenance') return summarizeProvenance(document);
  if (kind === 'other') return { kind, format: null };

  const sbom = readPackages(document);
  const vex = readVex(document);
  const isVex = vex !== null && (sbom === null || sbom.packages.length === 0);

  return {
    kind: isVex ? 'vex' : sbom === null ? kind : 'sbom',
    format: sbom?.format ?? vex?.format ?? null,
    ...(sbom === null || isVex ? {} : { sbom: summarizeSbom(sbom.packages) }),
    ...(vex === null || (!isVex && isEmpty(vex.vex)) ? {} : { vex: vex.vex }),
  };
}

function isEmpty(vex: VexSummary): boolean {
  return Object.keys(vex).length === 0;
}

function summarizeProvenance(document: unknown): DocumentSummary {
  const found = readProvenance(document);
  if (found === null) return { kind: 'provenance', format: null };

  const { format, source_repository, source_commit } = found;
  return {
    kind: 'provenance',
    format,
    provenance: {
      source_repository: shortOrNull(source_repository),
      source_commit: shortOrNull(source_commit),
    },
  };
}

/** Null instead of a part: a part could match a regexp that the whole text does not match. */
function shortOrNull(text: string | null): string | null {
  return text === null || text.length > limits.verdictTextMax ? null : text;
}

function summarizeSbom(packages: readonly SbomPackage[]): SbomSummary {
  const counts = new Map<string, number>();
  for (const { license } of packages) {
    const name = cutText(license ?? 'not stated', limits.summarizedLicenseLengthMax);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }

  const licenses = [...counts]
    .map(([license, count]) => ({ license, packages: count }))
    .sort((a, b) => b.packages - a.packages || (a.license < b.license ? -1 : 1));
  const max = limits.summarizedLicensesMax;

  return {
    packages: packages.length,
    licenses: licenses.slice(0, max),
    more_licenses: Math.max(0, licenses.length - max),
  };
}
