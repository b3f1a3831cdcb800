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
