import { expect, test } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import {
  claimNames,
  type SignatureVerdict,
  truncateVerdicts,
} from '../../../shared/domain/signatures/index.ts';

const verdict: SignatureVerdict = {
  format: 'bundle',
  source: 'referrers',
  claimed_digest: `sha256:${'a'.repeat(64)}`,
  identity: 'https://git.test/acme/redis@refs/tags/v1.0.0',
  issuer: 'https://issuer.test',
  key_id: null,
  claims: { build_trigger: 'push' },
  proof: { log_entries: [{ log_id: 'b'.repeat(64), index: '7', logged_at: null }], timestamps: [] },
  verified: true,
  code: 'verified',
  message: 'signed by "https://git.test/acme/redis@refs/tags/v1.0.0"',
};

test('verdicts of any size are kept as they are, as many as are read', () => {
  const many = Array.from({ length: limits.foundSignaturesMax }, () => verdict);
  expect(truncateVerdicts(many)).toEqual(many);
});

test('one long text is cut and takes nothing from the others', () => {
  const [kept] = truncateVerdicts([{ ...verdict, identity: 'x'.repeat(1_000_000) }]);
  expect(kept).toEqual({ ...verdict, identity: 'x'.repeat(limits.verdictTextMax) });
});

test('as many as are read fit a row, whatever certificates name', () => {
  const long = '\u{4e16}'.repeat(5000);
  const hostile: SignatureVerdict = {
    ...verdict,
    identity: long,
    issuer: long,
    key_id: long,
    message: long,
    claims: Object.fromEntries(claimNames.map((name) => [name, long])),
    attestation: { predicate_type: long, builder_id: long },
  };

  const kept = truncateVerdicts(Array.from({ length: limits.foundSignaturesMax }, () => hostile));
  expect(Buffer.byteLength(JSON.stringify(kept))).toBeLessThanOrEqual(limits.verdictBytesMax);
  expect(kept[0]).toMatchObject({ verified: true, claimed_digest: verdict.claimed_digest });
});

test('a builder or source that is too long to keep whole beside many others is not kept', () => {
  const attestation = (builder_id: string) => ({
    predicate_type: 'https://slsa.dev/provenance/v1',
    builder_id,
    kind: 'provenance' as const,
    format: 'SLSA v1',
    provenance: { source_repository: `${builder_id}/source`, source_commit: 'c'.repeat(40) },
    subjects: [verdict.claimed_digest],
  });
  const long = attestation(`https://ci.test/${'x'.repeat(900)}`);
  const kept = truncateVerdicts(
    Array.from({ length: limits.foundSignaturesMax }, (_, n) => ({
      ...verdict,
      identity: '\u{4e16}'.repeat(900),
      attestation: n === 0 ? attestation('https://ci.test') : long,
    })),
  );

  expect(Buffer.byteLength(JSON.stringify(kept))).toBeLessThanOrEqual(limits.verdictBytesMax);
  expect(kept[0]?.attestation).toMatchObject({
    builder_id: 'https://ci.test',
    provenance: { source_repository: 'https://ci.test/source', source_commit: 'c'.repeat(40) },
  });
  expect(kept[1]?.attestation).toMatchObject({
    builder_id: null,
    provenance: { source_repository: null },
  });
});
