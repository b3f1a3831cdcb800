import { readFileSync } from 'node:fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { describe, expect, test } from 'vitest';
import { cosignCases, readBundles, trustedRoot } from '../../../scripts/cosign-fixtures.ts';
import { exactRegexp, shippedTrust, verifyBundle } from '../../../shared/signature/index.ts';
import { type ConformanceCase, conformanceCases } from '../../support/conformance.ts';

/**
 * Cases that the shipped public root cannot judge, with the reason: none.
 * docs/reference/verify/verification.md says the same.
 */
const unjudged: Record<string, string> = {};

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
const rootOf = ({ trustedRoot }: ConformanceCase) =>
  trustedRoot === null ? null : readJson(trustedRoot);

function judge(entry: ConformanceCase, withBytes: boolean) {
  const artifact = {
    digest: entry.digest,
    ...(withBytes ? { bytes: readFileSync(entry.artifact) } : {}),
  };
  const identity = {
    identity_regexp: exactRegexp(entry.identity),
    issuer_regexp: exactRegexp(entry.issuer),
  };

  return verifyBundle(readJson(entry.bundle), artifact, {
    identities: entry.key === null ? [identity] : [],
    keys: entry.key === null ? [] : [readFileSync(entry.key, 'utf8')],
    require_tlog: true,
    trusted_root: rootOf(entry),
  });
}

// A file that is not JSON never reaches the engine; the command line is tested with it.
const readable = conformanceCases.filter(({ name }) => name !== 'bundle-malformed-json_fail');

describe('the published cases of the client conformance suite', () => {
  test('are all here', () => {
    expect(conformanceCases).toHaveLength(70);
    expect(Object.keys(unjudged)).toEqual([]);
  });

  test.each(readable)('$name, by its file', (entry) => {
    expect(judge(entry, true)).toMatchObject({ verified: entry.expected === 'pass' });
  });

  test('a root certificate within a chain is why its case is refused', () => {
    const entry = conformanceCases.find(({ name }) => name === 'bundle-with-root-cert_fail');
    if (entry === undefined) throw new Error('expected the case');

    expect(judge(entry, true)).toMatchObject({
      code: 'certificate_invalid',
      message: 'expected a chain without root certificates, found one',
    });
  });

  test.each(readable)('$name, by its digest', (entry) => {
    expect(judge(entry, false)).toMatchObject({ verified: entry.expected === 'pass' });
  });
});

/** The library's own verdict: its own objects, nothing remembered. */
function libraryAccepts(bundle: unknown, artifact: Buffer, root: unknown): boolean {
  const material = toTrustMaterial(TrustedRoot.fromJSON(root));
  try {
    new Verifier(material).verify(toSignedEntity(bundleFromJSON(bundle), artifact));
    return true;
  } catch {
    return false;
  }
}

describe('what remembers and encodes faster accepts nothing that the library refuses', () => {
  test.each(readable.filter(({ key }) => key === null))('in $name', (entry) => {
    const root = rootOf(entry) ?? shippedTrust().trustedRoot;
    const cold = judge(entry, true);
    const warm = judge(entry, true);

    expect(warm).toEqual(cold);
    if (cold.verified) {
      expect(libraryAccepts(readJson(entry.bundle), readFileSync(entry.artifact), root)).toBe(true);
    }
  });

  const anyone = {
    identities: [{ identity_regexp: '.', issuer_regexp: '.' }],
    keys: [],
    require_tlog: true,
  };

  const keyless = cosignCases.filter(
    ({ public_key, ignore_tlog }) => public_key === null && !ignore_tlog,
  );
  test.each(keyless)('in what cosign signed: $name', (entry) => {
    for (const { bundle, subject } of readBundles(entry)) {
      const policy = { ...anyone, trusted_root: trustedRoot };
      const verdict = verifyBundle(bundle, { digest: subject }, policy);
      expect(verifyBundle(bundle, { digest: subject }, { ...policy })).toEqual(verdict);
      if (verdict.verified) expect(libraryAccepts(bundle, Buffer.alloc(0), trustedRoot)).toBe(true);
    }
  });
});
