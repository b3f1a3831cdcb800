import { beforeAll, describe, expect, test } from 'vitest';
import type { FoundSignature } from '../../../shared/domain/signatures/index.ts';
import { checkTrustedRoot, verifyArtifact } from '../../../shared/signature/index.ts';
import { startPrivateSigstore } from '../../support/private-sigstore.ts';

const digest = `sha256:${'ab'.repeat(32)}`;
const identities = [
  { identity_regexp: '^https://git\\.test/acme/', issuer_regexp: '^https://issuer\\.test$' },
];

type Root = Awaited<ReturnType<typeof startPrivateSigstore>>['trustedRoot'];
let roots: { old: Root; next: Root; both: Root };
let signatures: { old: FoundSignature; next: FoundSignature };

beforeAll(async () => {
  const [old, next] = [
    await startPrivateSigstore(new Date()),
    await startPrivateSigstore(new Date()),
  ];
  const beside = <K extends 'tlogs' | 'ctlogs' | 'certificateAuthorities'>(part: K) => [
    ...old.trustedRoot[part],
    ...next.trustedRoot[part],
  ];

  const both = {
    ...old.trustedRoot,
    tlogs: beside('tlogs'),
    ctlogs: beside('ctlogs'),
    certificateAuthorities: beside('certificateAuthorities'),
  } as Root;

  roots = { old: old.trustedRoot, next: next.trustedRoot, both };
  signatures = { old: await old.signLegacy({ digest }), next: await next.signLegacy({ digest }) };
});

function codeOf(signature: keyof typeof signatures, root: keyof typeof roots): string {
  const policy = { identities, keys: [], require_tlog: true, trusted_root: roots[root] };
  return verifyArtifact(digest, [signatures[signature]], policy).code;
}

describe('a private Sigstore that gets new keys', () => {
  test('has what both signed verified, while old and new authorities and logs stand side by side', () => {
    checkTrustedRoot(roots.both, { keyless: true, require_tlog: true });
    expect([codeOf('old', 'both'), codeOf('next', 'both')]).toEqual(['verified', 'verified']);
  });

  test('has only its own verified before and after', () => {
    expect([codeOf('old', 'old'), codeOf('next', 'old')]).toEqual([
      'verified',
      'certificate_untrusted',
    ]);
    expect([codeOf('old', 'next'), codeOf('next', 'next')]).toEqual([
      'certificate_untrusted',
      'verified',
    ]);
  });
});
