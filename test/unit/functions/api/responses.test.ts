import { describe, expect, it } from 'vitest';
import {
  approvalView,
  instanceView,
  memberView,
  moduleView,
  tokenView,
  versionView,
} from '../../../../functions/api/views.ts';
import {
  accountSchema,
  createTokenAnswer,
  memberSchema,
  tokenSchema,
} from '../../../../shared/contract/accounts/index.ts';
import { instanceSchema } from '../../../../shared/contract/machines/index.ts';
import { moduleSchema, versionSchema } from '../../../../shared/contract/modules/index.ts';
import { approvalSchema } from '../../../../shared/contract/operations/index.ts';
import type { Account, ApiToken, Member } from '../../../../shared/domain/accounts/index.ts';
import type { Instance } from '../../../../shared/domain/machines/index.ts';
import type { Module, Version } from '../../../../shared/domain/modules/index.ts';
import { approvalOf } from '../../../support/approval.ts';
import { manifestOf } from '../../../support/manifests.ts';

const at = '2026-01-01T00:00:00.000Z';

const approval = approvalOf({ task_token: 'SECRET-task-token' });

const instance: Instance = {
  account: 'acme',
  id: 'ins_1',
  name: 'web-1',
  template_id: 'tpl_1',
  track: 'live',
  metadata: { hostname: 'web-1' },
  clusters: [],
  state: 'enrolled',
  key_thumbprint: 'SECRET-thumbprint',
  credential_hash: 'SECRET-credential',
  join_secret_hash: 'SECRET-join',
  join_expires_at: at,
  desired_version: 1,
  desired_hash: 'SECRET-desired-hash',
  desired_composition: `sha256:${'a'.repeat(64)}`,
  desired_modules: { 'my-redis': `sha256:${'b'.repeat(64)}` },
  desired_signed_at: at,
  desired_report_keys: ['accounts/acme/compositions/sha256/1.json'],
  desired_error: null,
  desired_expires_at: at,
  desired_key_id: null,
  desired_correlation_id: null,
  report: {
    status: 'applied',
    code: null,
    message: null,
    desired_state_version: 1,
    composition_digest: `sha256:${'a'.repeat(64)}`,
    running_module_digests: { 'my-redis': `sha256:${'b'.repeat(64)}` },
    health: 'healthy',
    agent_version: '0.1.0',
    healthy_since: null,
    at,
  },
  revision: 1,
  created_at: at,
  updated_at: at,
};

const token: ApiToken = {
  account: 'acme',
  id: 'tok_1',
  name: 'ci',
  roles: ['author'],
  member_id: null,
  created_by_person: 'deployment',
  signed_in_by: null,
  platform: true,
  hash: 'SECRET-hash',
  revision: 1,
  created_at: at,
  expires_at: null,
  revoked_at: null,
  last_used_at: null,
};

const member: Member = {
  account: 'acme',
  id: 'mbr_1',
  email: 'rita@example.com',
  name: 'Rita',
  roles: ['reviewer'],
  groups: [],
  invitation: { hash: 'SECRET-hash', by_person: 'deployment', shown: false, expires_at: at },
  joined_at: null,
  reviewer_since: null,
  counts_as: null,
  revision: 1,
  created_at: at,
};

const account: Account = {
  slug: 'acme',
  name: 'Acme',
  director_key_id: 'SECRET-kms-key',
  root_sha256: 'c'.repeat(64),
  root_version: 1,
  polled_modules: 0,
  revision: 1,
  created_at: at,
};

const version: Version = {
  account: 'acme',
  module: 'my-redis',
  id: 'ver_1',
  digest: `sha256:${'d'.repeat(64)}`,
  version_string: '0.1.0',
  kind: 'node',
  labels: null,
  tags: ['v0.1.0'],
  promotion_state: 'built',
  was_live: false,
  quarantined: false,
  held: false,
  builds: [
    {
      platform: 'any',
      manifest_digest: `sha256:${'d'.repeat(64)}`,
      layer_digest: `sha256:${'e'.repeat(64)}`,
      layer_size: 1,
      composefs_digest: `sha256:${'f'.repeat(64)}`,
      file_index_key: 'SECRET-index-key',
      entries: 3,
    },
  ],
  manifest: manifestOf('my-redis'),
  stored_signatures_key: 'SECRET-stored-signatures-key',
  signatures: [],
  approvals: [],
  revision: 1,
  ingested_at: at,
  state_changed_at: at,
};

const module: Module = {
  account: 'acme',
  name: 'my-redis',
  id: 'my-redis-01234567',
  visibility: 'private',
  category: 'userland',
  variety: 'subscription',
  parent_module: null,
  repository: 'ghcr.io/acme/my-redis',
  identities: [{ identity_regexp: '^a$', issuer_regexp: '^b$' }],
  trusted_keys: [],
  trusted_root: null,
  require_tlog: true,
  required_attestations: [],
  platforms: [],
  allow_devices: false,
  granted_reservations: [],
  policy_version: '1',
  live_version_id: null,
  has_versions: true,
  archived: false,
  revision: 1,
  created_at: at,
  updated_at: at,
};

describe('answers hold no secret of', () => {
  it.each([
    ['approvals: the task token', approvalSchema, approvalView(approval, [])],
    [
      'instances: keys, credentials, join secrets',
      instanceSchema,
      instanceView(instance, new Date(instance.created_at)),
    ],
    ['tokens: hashes', tokenSchema, tokenView(token, new Date(at))],
    [
      'new tokens: hashes',
      createTokenAnswer,
      { token: tokenView(token, new Date(at)), secret: 'gantry_shown_once' },
    ],
    ['members: invitations', memberSchema, memberView(member, new Date(at))],
    [
      'accounts: KMS keys',
      accountSchema,
      { ...account, state: 'active', code: null, message: null },
    ],
    ['versions: storage keys', versionSchema, versionView(version, String, null)],
  ])('%s', (_, schema, value) => {
    expect(JSON.stringify(value)).toContain('SECRET');
    expect(JSON.stringify(schema.parse(value))).not.toContain('SECRET');
  });
});

it('a module is answered with its identities as they are registered', () => {
  expect(moduleSchema.parse(moduleView(module))).toMatchObject({
    cosign_identity_regexp: '^a$',
    cosign_issuer_regexp: '^b$',
    cosign_identities: [{ cosign_identity_regexp: '^a$', cosign_issuer_regexp: '^b$' }],
  });
});

it('a version is answered with its first build’s composefs digest and the older word for its state', () => {
  expect(versionSchema.parse(versionView(version, String, null))).toMatchObject({
    composefs_digest: `sha256:${'f'.repeat(64)}`,
    lifecycle_state: 'draft',
    promotion_state: 'built',
  });
});

it('a version is returned with the names of those who withhold it', () => {
  const held = { reason: 'see incident 17', by: 'token:tok_1', at, operation_id: 'op_1' };
  const view = versionView({ ...version, withheld: { held } }, (actor) => `name of ${actor}`, null);
  expect(versionSchema.parse(view).withheld).toEqual({
    held: { ...held, by_name: 'name of token:tok_1' },
  });
});

describe('a token', () => {
  const own = { ...token, member_id: member.id, roles: ['author', 'reviewer'] as const };
  const seen = (members: Map<string, typeof member>) =>
    tokenView({ ...own, roles: [...own.roles] }, new Date(at), members);

  it('is returned with the roles that its member still has', () => {
    const members = new Map([[member.id, { ...member, roles: ['author' as const] }]]);
    expect(seen(members)).toMatchObject({ roles: ['author'], granted_roles: own.roles });
  });

  it('of a member who left has none', () => {
    expect(seen(new Map())).toMatchObject({ roles: [], granted_roles: own.roles });
  });
});

it('an instance is returned with what it runs and whether that is drift', () => {
  expect(instanceSchema.parse(instanceView(instance, new Date(instance.created_at)))).toMatchObject(
    {
      running_module_digests: instance.desired_modules,
      drift: false,
      standing: 'in_sync',
    },
  );
  expect(
    instanceSchema.parse(
      instanceView({ ...instance, report: null }, new Date(instance.created_at)),
    ),
  ).toMatchObject({ drift: false, standing: 'pending' });
});
