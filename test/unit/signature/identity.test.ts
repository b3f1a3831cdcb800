import { describe, expect, test } from 'vitest';
import { checkIdentity } from '../../../shared/signature/identity.ts';
import type { CompiledIdentity } from '../../../shared/signature/policy.ts';
import { compileRegexp } from '../../../shared/signature/regexp.ts';
import type { Signer } from '../../../shared/signature/signer.ts';

const signer: Signer = {
  names: ['dev@acme.test', 'https://git.test/acme'],
  issuer: 'https://issuer.test',
  claims: { source_repository_ref: 'acme/redis' },
};

function identity(name: string, issuer: string, claims: Record<string, string> = {}) {
  const compiled = (source: string) => compileRegexp(source, 'test');
  return {
    source: { identity_regexp: name, issuer_regexp: issuer },
    identity: compiled(name),
    issuer: compiled(issuer),
    claims: Object.entries(claims).map(([claim, source]) => ({
      name: claim,
      source,
      regexp: compiled(source),
    })),
  } as CompiledIdentity;
}

const check = (identities: CompiledIdentity[], more: Partial<Signer> = {}) =>
  checkIdentity(
    { ...signer, ...more },
    { identities, keys: [], requireTlog: false, annotations: {}, attestations: [], trust: null },
  );
const issuer = '^https://issuer\\.test$';
const git = '^https://git\\.test/';

describe('a signer', () => {
  test('matches by the name that an identity asks for', () => {
    expect(check([identity(git, issuer)])).toBe('https://git.test/acme');
    expect(check([identity('^ops@', issuer), identity('^dev@', issuer)])).toBe('dev@acme.test');
  });

  test('matches the second identity where the claims of the first differ', () => {
    const identities = [
      identity(git, issuer, { source_repository_ref: '^other/' }),
      identity('^dev@', issuer, { source_repository_ref: '^acme/' }),
    ];
    expect(check(identities)).toBe('dev@acme.test');
  });

  test.each<[string, string, CompiledIdentity[], Partial<Signer>]>([
    ['without names', 'certificate_invalid', [identity('.', issuer)], { names: [] }],
    ['without an issuer', 'certificate_invalid', [identity('.', issuer)], { issuer: null }],
    ['of another name', 'identity_mismatch', [identity('^ops@', issuer)], {}],
    ['of another issuer', 'issuer_mismatch', [identity(git, '^https://other')], {}],
    [
      'whose pair is of two identities',
      'issuer_mismatch',
      [identity(git, '^https://other'), identity('^ops@', issuer)],
      {},
    ],
    [
      'with another claim',
      'claim_mismatch',
      [identity(git, issuer, { source_repository_ref: '^other/' })],
      {},
    ],
    ['without a claim', 'claim_mismatch', [identity(git, issuer, { runner_environment: '.' })], {}],
    [
      'with one of two claims',
      'claim_mismatch',
      [identity(git, issuer, { source_repository_ref: '^acme/', runner_environment: '.' })],
      {},
    ],
  ])('%s is refused: %s', (_what, code, identities, more) => {
    expect(() => check(identities, more)).toThrow(expect.objectContaining({ code }));
  });
});
