/** The predicate type of SLSA provenance, without its version. */
export const provenanceType = 'https://slsa.dev/provenance';

/** What an attested document is about. */
export const documentKinds = ['sbom', 'provenance', 'vex', 'other'] as const;

export type DocumentKind = (typeof documentKinds)[number];

/** The statuses of OpenVEX, which stand for those of the other formats too. */
export const vexStatuses = ['affected', 'not_affected', 'fixed', 'under_investigation'] as const;

export type VexStatus = (typeof vexStatuses)[number];

export interface SbomSummary {
  packages: number;
  /** The most frequent licences, and the number of packages of each. */
  licenses: { license: string; packages: number }[];
  /** Licences that were left out. */
  more_licenses: number;
}

/** The summary without names of licences, where many would not fit a row. */
export function withoutLicenses({ packages, licenses, more_licenses }: SbomSummary): SbomSummary {
  return { packages, licenses: [], more_licenses: licenses.length + more_licenses };
}

export interface ProvenanceSummary {
  /** URL of the repository that was built, without `git+` and the ref; null where none is named. */
  source_repository: string | null;
  /** The commit that was built. */
  source_commit: string | null;
}

/** The number of statements by status; no entry for a status that none has. */
export type VexSummary = Partial<Record<VexStatus, number>>;

/** What a document says, as Gantry understands it. A part that it does not understand is absent. */
export interface DocumentSummary {
  kind: DocumentKind;
  /** `CycloneDX 1.6`, `SPDX-2.3`, `SLSA v1`, `OpenVEX`; null for a format that is not known. */
  format: string | null;
  sbom?: SbomSummary;
  provenance?: ProvenanceSummary;
  vex?: VexSummary;
}

/** Names the bytes of a document in the account's store. */
export interface DocumentRef {
  /** `sha256:<hex>` */
  digest: string;
  size: number;
}

/** The facts that Gantry stores of a verified attestation. */
export interface AttestationSummary extends Partial<DocumentSummary> {
  predicate_type: string;
  /** Of SLSA provenance, null elsewhere. */
  builder_id: string | null;
  /** Absent for one that an earlier version of Gantry verified. */
  document?: DocumentRef;
  /** Digests that the statement is about besides the artifact: the build of one platform. */
  subjects?: string[];
  /** True if the statement is about `subjects` alone, not about the index that lists them. */
  builds_only?: true;
}

/**
 * An attestation that must be beside the signature, verified against the same identities and keys.
 */
export interface AttestationRequirement {
  /**
   * The predicate type; without its version (`https://slsa.dev/provenance`) it stands for all of
   * them.
   */
  predicate_type: string;
  /** Of SLSA provenance: whom it must name as the builder. */
  builder_regexp?: string;
  /** Of SLSA provenance: the repository that it must name as the source. */
  source_regexp?: string;
}

/**
 * True for the type itself and for its versions: `https://slsa.dev/provenance` accepts
 * `https://slsa.dev/provenance/v1`.
 */
export function isOfType(found: string, wanted: string): boolean {
  return (
    found === wanted ||
    (found.startsWith(`${wanted}/v`) && /^[0-9.]+$/.test(found.slice(wanted.length + 2)))
  );
}

/** A requirement in words: `https://slsa.dev/provenance by a builder that matches /…/`. */
export function requirementText({
  predicate_type,
  builder_regexp,
  source_regexp,
}: AttestationRequirement): string {
  const parts = [
    ...(builder_regexp === undefined ? [] : [`by a builder that matches /${builder_regexp}/`]),
    ...(source_regexp === undefined ? [] : [`of a source that matches /${source_regexp}/`]),
  ];
  return [predicate_type, parts.join(' and ')].filter((text) => text !== '').join(' ');
}

/**
 * True if attestations meet a condition for the whole artifact: one that is about it meets the
 * condition, or each build of it has one.
 * @param builds digests of the manifests that an index lists
 */
export function coversBuilds(
  found: readonly AttestationSummary[],
  builds: readonly string[],
  meets: (one: AttestationSummary) => boolean,
): boolean {
  const met = found.filter(meets);
  if (met.some(({ builds_only }) => builds_only !== true)) return true;
  return (
    builds.length > 0 &&
    builds.every((build) => met.some(({ subjects = [] }) => subjects.includes(build)))
  );
}

/** The test of a regexp with RE2 meaning. */
export interface TextTest {
  test(text: string): boolean;
}

/** True if an attestation meets a requirement. A builder or source that is not known never does. */
export function meetsRequirement(
  { predicate_type, builder_id, provenance }: AttestationSummary,
  required: { predicate_type: string; builder: TextTest | null; source: TextTest | null },
): boolean {
  const matches = (regexp: TextTest | null, text: string | null | undefined) =>
    regexp === null || (typeof text === 'string' && regexp.test(text));

  return (
    isOfType(predicate_type, required.predicate_type) &&
    matches(required.builder, builder_id) &&
    matches(required.source, provenance?.source_repository)
  );
}
