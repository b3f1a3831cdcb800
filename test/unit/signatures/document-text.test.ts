import { expect, it } from 'vitest';
import {
  attestationText,
  documentText,
  requirementText,
} from '../../../shared/domain/signatures/index.ts';

const provenance = {
  predicate_type: 'https://slsa.dev/provenance/v1',
  builder_id: 'https://ci.test',
  kind: 'provenance',
  format: 'SLSA v1',
  provenance: { source_repository: 'https://git.test/redis', source_commit: 'c2709cc' },
} as const;

it('a document reads as one line, without control characters', () => {
  expect(
    documentText({
      kind: 'sbom',
      format: 'CycloneDX 1.6',
      sbom: { packages: 42, licenses: [{ license: 'MIT', packages: 40 }], more_licenses: 2 },
      vex: { affected: 1, not_affected: 3 },
    }),
  ).toBe(
    'SBOM CycloneDX 1.6: 42 packages, MIT (40) and 2 more licences, 1 affected, 3 not affected',
  );
  expect(attestationText(provenance)).toBe(
    'provenance SLSA v1: built by https://ci.test, from https://git.test/redis, commit c2709cc',
  );
  expect(attestationText({ ...provenance, builder_id: 'a\u001b[2Jb\nc' })).toContain(
    'built by a\ufffd[2Jb\ufffdc',
  );
});

it('an attestation of an unknown format, or of an older release, reads as its type', () => {
  const { predicate_type, builder_id } = provenance;
  expect(attestationText({ predicate_type, builder_id })).toBe(
    'attestation of type https://slsa.dev/provenance/v1 built by https://ci.test',
  );
  expect(documentText({ kind: 'sbom', format: null })).toBe(
    'SBOM of a format that Gantry does not know',
  );
});

it('a requirement names its type, builder and source', () => {
  const predicate_type = 'https://slsa.dev/provenance';
  expect(requirementText({ predicate_type })).toBe(predicate_type);
  expect(requirementText({ predicate_type, builder_regexp: '^a$', source_regexp: '^b$' })).toBe(
    `${predicate_type} by a builder that matches /^a$/ and of a source that matches /^b$/`,
  );
});
