import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keepBy } from '../../../shared/base/filters.ts';
import {
  loosensTrust,
  type Module,
  moduleTests,
  needsPublicRoot,
  policyVersion,
  signaturePolicy,
  type TrustPolicy,
  varietyOffset,
  withModuleChanges,
  withReservations,
} from '../../../shared/domain/modules/index.ts';
import { storedModule } from '../../support/stored.ts';

const policy: TrustPolicy & Pick<Module, 'has_versions'> = {
  has_versions: true,
  repository: 'registry.example/acme/redis',
  identities: [{ identity_regexp: '^a$', issuer_regexp: '^b$' }],
  trusted_keys: ['one', 'two'],
  trusted_root: null,
  require_tlog: true,
  required_attestations: [{ predicate_type: 'https://slsa.dev/provenance' }],
  allow_devices: false,
};

describe('trust is loosened', () => {
  test.each<[string, Partial<TrustPolicy>]>([
    ['by another key', { trusted_keys: ['one', 'two', 'three'] }],
    ['by a key in place of another', { trusted_keys: ['three'] }],
    ['by another identity', { identities: [{ identity_regexp: '^c$', issuer_regexp: '^b$' }] }],
    [
      'by fewer claims',
      { identities: [{ identity_regexp: '^a$', issuer_regexp: '^b$', claims: {} }] },
    ],
    ['by asking for no log entry', { require_tlog: false }],
    ['by asking for no attestation', { required_attestations: [] }],
    ['by letting devices in', { allow_devices: true }],
    ['by another repository', { repository: 'registry.example/acme/other' }],
    ['by another trust root', { trusted_root: { mediaType: 'x' } }],
  ])('%s', (_, set) => {
    expect(loosensTrust(policy, { ...policy, ...set })).toBe(true);
  });
});

describe('trust is not loosened', () => {
  test.each<[string, Partial<TrustPolicy>]>([
    ['by taking a key away', { trusted_keys: ['two'] }],
    ['by taking the identities away', { identities: [] }],
    ['by another order', { trusted_keys: ['two', 'one'] }],
    [
      'by asking for more attestations',
      {
        required_attestations: [
          { predicate_type: 'https://slsa.dev/provenance' },
          { predicate_type: 'https://x.test' },
        ],
      },
    ],
    ['by nothing', {}],
  ])('%s', (_, set) => {
    expect(loosensTrust(policy, { ...policy, ...set })).toBe(false);
  });

  test('by another repository of a module that never had a version', () => {
    const set = { repository: 'registry.example/acme/other' };
    expect(loosensTrust({ ...policy, has_versions: false }, { ...policy, ...set })).toBe(false);
  });
});

const policies = fc.record({
  has_versions: fc.constant(true),
  repository: fc.constantFrom('r.example/a', 'r.example/b'),
  identities: fc.subarray(
    [1, 2, 3].map((n) => ({ identity_regexp: `^${n}$`, issuer_regexp: '^b$' })),
  ),
  trusted_keys: fc.subarray(['one', 'two', 'three']),
  trusted_root: fc.constantFrom(null, { mediaType: 'x' }),
  require_tlog: fc.boolean(),
  required_attestations: fc.subarray([
    { predicate_type: 'https://a.test' },
    { predicate_type: 'https://b.test' },
  ]),
  allow_devices: fc.boolean(),
});

test('steps that each loosen nothing loosen nothing together', () => {
  fc.assert(
    fc.property(policies, policies, policies, (one, two, three) => {
      if (!loosensTrust(one, two) && !loosensTrust(two, three))
        expect(loosensTrust(one, three)).toBe(false);
    }),
  );
});

test('of two policies that are not the same, one or the other way loosens', () => {
  fc.assert(
    fc.property(policies, policies, (one, two) => {
      const same = policyVersion(one) === policyVersion(two);
      expect(same || loosensTrust(one, two) || loosensTrust(two, one)).toBe(true);
    }),
  );
});

test('a policy gets a new name exactly when it changes', () => {
  const module = storedModule('acme', 'redis', {
    ...policy,
    policy_version: policyVersion(policy),
  });
  expect(
    withModuleChanges(module, { visibility: 'public', trusted_keys: ['one', 'two'] }),
  ).toMatchObject({
    visibility: 'public',
    policy_version: module.policy_version,
  });

  const tighter = withModuleChanges(module, { trusted_keys: ['one'] });
  expect(tighter.policy_version).not.toBe(module.policy_version);
  expect(withModuleChanges(module, { allow_devices: true }).policy_version).not.toBe(
    tighter.policy_version,
  );
});

test('a policy keeps its name where the same fields come in another order', () => {
  const module = storedModule('acme', 'redis', { ...policy, policy_version: 'before' });
  const identities = [{ issuer_regexp: '^b$', identity_regexp: '^a$' }];
  expect(withModuleChanges(module, { identities }).policy_version).toBe('before');
});

test.each([
  [{ identities: policy.identities }, true],
  [{ require_tlog: true }, true],
  [{ identities: policy.identities, trusted_root: { mediaType: 'x' } }, false],
  [{ trusted_keys: ['one'] }, false],
])('a module with %j needs the public trust root: %s', (set, needed) => {
  const module = storedModule('acme', 'redis', set);
  expect(needsPublicRoot(module)).toBe(needed);
});

test('the signature policy of a module takes the public trust root where it has none', () => {
  const [own, shared] = [{ mediaType: 'own' }, { mediaType: 'public' }];
  expect(signaturePolicy(policy, shared)).toEqual({
    identities: policy.identities,
    keys: policy.trusted_keys,
    trusted_root: shared,
    require_tlog: true,
    attestations: policy.required_attestations,
  });
  expect(signaturePolicy({ ...policy, trusted_root: own }, shared).trusted_root).toBe(own);
});

test('reservations are granted and revoked once each, and sorted', () => {
  const module = storedModule('acme', 'redis', { granted_reservations: ['/b', '/c'] });
  const change = { grant: ['/c', '/a', '/d'], revoke: ['/b', '/z'] };
  expect(withReservations(module, change).granted_reservations).toEqual(['/a', '/c', '/d']);
});

test('the variety of a module decides its place in its category', () => {
  expect(varietyOffset).toEqual({ subscription: 0, config: 2, instance: 4 });
});

test.each([
  [{ name: 'red*' }, true],
  [{ name: 'web' }, false],
  [{ category: 'userland' }, true],
  [{ category: 'network-overlay' }, false],
  [{ variety: 'subscription' }, true],
  [{ variety: 'config' }, false],
  [{ visibility: 'private' }, true],
  [{ visibility: 'public' }, false],
  [{ archived: false }, true],
  [{ archived: true }, false],
] as const)('a list of modules with %j has this one: %s', (wanted, listed) => {
  expect(keepBy(moduleTests, wanted)(storedModule('acme', 'redis'))).toBe(listed);
});
