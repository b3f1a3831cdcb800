import { describe, expect, test } from 'vitest';
import { cosignCase, policyOf, trustedRoot } from '../../../scripts/cosign-fixtures.ts';
import {
  checkTrustedRoot,
  compilePolicy,
  parseTrustedRoot,
  shippedTrust,
} from '../../../shared/signature/index.ts';

interface Root {
  certificateAuthorities: { certChain: { certificates: { rawBytes: string }[] } }[];
  timestampAuthorities: { certChain: { certificates: { rawBytes: string }[] } }[];
  tlogs: { publicKey: { rawBytes: string } }[];
}

describe('trust roots', () => {
  test('the public-good root comes with the library', () => {
    const material = parseTrustedRoot(null);
    expect(material.certificateAuthorities.length).toBeGreaterThan(0);
    expect(material.tlogs.length).toBeGreaterThan(0);
    expect(parseTrustedRoot(shippedTrust().trustedRoot).tlogs).toHaveLength(material.tlogs.length);
  });

  test('a custom root has all that it states', () => {
    const { certificateAuthorities, tlogs, ctlogs, timestampAuthorities } =
      parseTrustedRoot(trustedRoot);
    expect(
      [certificateAuthorities, tlogs, ctlogs, timestampAuthorities].map((list) => list.length),
    ).toEqual([1, 2, 1, 1]);
  });

  test.each([
    ['null', null],
    ['a text', 'x'],
    ['an empty object', {}],
    ['another media type', { ...(trustedRoot as object), mediaType: 'application/json' }],
    [
      'neither authority nor log',
      { ...(trustedRoot as object), tlogs: [], certificateAuthorities: [] },
    ],
    [
      'an authority without certificates',
      altered((root) => root.certificateAuthorities[0]?.certChain.certificates.splice(0)),
    ],
    ['a certificate that does not decode', altered((root) => setCertificate(root, 'AAAA'))],
    ['a key that does not decode', altered((root) => setLogKey(root, 'AAAA'))],
  ])('%s is refused', (_, root) => {
    expect(() => checkTrustedRoot(root, { keyless: true, require_tlog: true })).toThrow(
      expect.objectContaining({ code: 'trusted_root_invalid' }),
    );
  });

  test.each([
    [
      'certificateAuthorities',
      { keyless: true, require_tlog: true },
      'authority of their certificate',
    ],
    ['ctlogs', { keyless: true, require_tlog: true }, 'proof (SCT)'],
    ['tlogs', { keyless: true, require_tlog: true }, 'require_tlog demands'],
    ['tlogs', { keyless: false, require_tlog: true }, 'require_tlog demands'],
    ['timestampAuthorities', { keyless: true, require_tlog: false }, 'signed timestamp'],
  ])('a root without %s is refused where %j needs it, and says what for', (part, demands, why) => {
    const root = { ...(trustedRoot as object), [part]: [] };
    expect(() => checkTrustedRoot(root, demands)).toThrow(
      expect.objectContaining({
        code: 'trusted_root_invalid',
        field: 'trusted_root',
        found: [part],
        message: expect.stringMatching(
          new RegExp(`no ${part} \\(.*${why.replace(/[()]/g, '\\$&')}`),
        ),
      }),
    );
  });

  test.each(['certificateAuthorities', 'timestampAuthorities'] as const)(
    'a chain of %s without its root is refused, and says what to add',
    (part) => {
      const root = structuredClone(trustedRoot) as Root;
      const [authority] = root[part];
      authority?.certChain.certificates.pop();

      expect(() => checkTrustedRoot(root, { keyless: true, require_tlog: true })).toThrow(
        expect.objectContaining({
          code: 'trusted_root_invalid',
          message: expect.stringMatching(
            new RegExp(`at ${part}\\.0\\.certChain: .*none of the issuer ".*CN=.*"; add its cert`),
          ),
        }),
      );
    },
  );

  test('the public-good root has whole chains', () => {
    const root = shippedTrust().trustedRoot;
    expect(() => checkTrustedRoot(root, { keyless: true, require_tlog: true })).not.toThrow();
  });

  test('a root needs only the material that the policy uses', () => {
    const bare = {
      ...(trustedRoot as object),
      certificateAuthorities: [],
      ctlogs: [],
      timestampAuthorities: [],
    };

    expect(() => checkTrustedRoot(bare, { keyless: false, require_tlog: true })).not.toThrow();
    const noTsa = { ...(trustedRoot as object), timestampAuthorities: [] };

    expect(() => checkTrustedRoot(noTsa, { keyless: true, require_tlog: true })).not.toThrow();
  });

  test('the error lists everything that is missing', () => {
    const root = { ...(trustedRoot as object), ctlogs: [], timestampAuthorities: [] };
    expect(() => checkTrustedRoot(root, { keyless: true, require_tlog: false })).toThrow(
      expect.objectContaining({ found: ['ctlogs', 'timestampAuthorities'] }),
    );
  });

  test('a root that no row could hold is refused', () => {
    const root = { ...(trustedRoot as object), comment: 'x'.repeat(200_000) };
    const check = () => checkTrustedRoot(root, { keyless: false, require_tlog: false });
    expect(check).toThrow(/at most 131072 bytes/);
  });

  test('a policy is compiled once for each content', () => {
    const policy = policyOf(cosignCase('keyless-ok'));
    expect(compilePolicy(policy)).toBe(compilePolicy(policy));
    expect(compilePolicy({ ...policy })).toBe(compilePolicy(policy));
    expect(compilePolicy({ ...policy, require_tlog: false })).not.toBe(compilePolicy(policy));
  });
});

function altered(change: (root: Root) => void): unknown {
  const root = structuredClone(trustedRoot) as Root;
  change(root);
  return root;
}

function setCertificate(root: Root, rawBytes: string): void {
  const certificate = root.certificateAuthorities[0]?.certChain.certificates[0];
  if (certificate) certificate.rawBytes = rawBytes;
}

function setLogKey(root: Root, rawBytes: string): void {
  const log = root.tlogs[0];
  if (log) log.publicKey.rawBytes = rawBytes;
}
