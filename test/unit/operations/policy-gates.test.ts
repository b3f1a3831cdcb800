import { describe, expect, it } from 'vitest';
import { kindOf } from '../../../shared/actions/operations/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import {
  type Action,
  type Change,
  defaultPolicy,
  type InterventionPolicy,
  judgeFreeze,
  nextLook,
} from '../../../shared/domain/operations/index.ts';
import { storedVersion } from '../../support/stored.ts';
import { module, promotion, rollback, rollbackReview } from './change-factory.ts';

type Policies = Partial<Record<Action, Partial<InterventionPolicy>>>;

const since = '2026-01-01T00:00:00.000Z';

describe('a promotion', () => {
  const now = new Date('2026-01-02T00:00:00.000Z');
  const inForce = (set: Policies) => async (action: Action) => ({
    ...defaultPolicy(action),
    ...set[action],
  });
  const version = (more: Parameters<typeof storedVersion>[3]) =>
    storedVersion('acme', 'redis', '2.0.0', { id: 'ver_2', state_changed_at: since, ...more });
  const attested = (predicate_type: string) =>
    version({
      promotion_state: 'blessed',
      signatures: [
        {
          identity: null,
          issuer: null,
          key_id: null,
          verified: false,
          code: 'attestation_only',
          message: '',
          format: 'bundle',
          source: 'referrers',
          claimed_digest: 'sha256:1',
          attestation: { predicate_type, builder_id: null },
        },
      ],
    });
  const blessed = version({ promotion_state: 'blessed' });
  const soak = { module_promote_to_live: { min_soak_s: 2 * 24 * 3600 } };
  const sbom = { module_promote_to_live: { required_attestations: ['https://cyclonedx.org/bom'] } };

  const provenance = (builder_id: string | null, source_repository: string | null) => {
    const one = attested('https://slsa.dev/provenance/v1');
    const [verdict] = one.signatures;
    const attestation = {
      predicate_type: 'https://slsa.dev/provenance/v1',
      builder_id,
      provenance: { source_repository, source_commit: null },
    };
    return { ...one, signatures: verdict === undefined ? [] : [{ ...verdict, attestation }] };
  };
  const built = {
    module_promote_to_live: {
      required_builders: ['^https://ci\\.test$'],
      required_sources: ['^https://git\\.test/.*$', '^.*/redis$'],
    },
  };

  it.each([
    ['that soaked too briefly', promotion('live'), blessed, soak, 'soak_unfinished'],
    [
      'that skips the state of its soak',
      promotion('live', null, { from: 'built' }),
      version({ promotion_state: 'built' }),
      soak,
      'soak_unfinished',
    ],
    [
      'of a version without the attestation',
      promotion('live'),
      blessed,
      sbom,
      'attestation_missing',
    ],
    [
      'of a version with another attestation',
      promotion('live'),
      attested('https://slsa.dev/provenance/v1'),
      sbom,
      'attestation_missing',
    ],
    ['of a version without provenance', promotion('live'), blessed, built, 'attestation_missing'],
    [
      'of a version by another builder',
      promotion('live'),
      provenance('https://evil.test', 'https://git.test/redis'),
      built,
      'attestation_missing',
    ],
    [
      'of a version from a source that meets one regexp only',
      promotion('live'),
      provenance('https://ci.test', 'https://git.test/other'),
      built,
      'attestation_missing',
    ],
    [
      'of a version from a source that is not known',
      promotion('live'),
      provenance('https://ci.test', null),
      built,
      'attestation_missing',
    ],
  ] as const)('%s is refused', async (_, change, of, policies, code) => {
    const rows = { version: of, module, live: null, uses: [] };
    await expect(kindOf(change).meet?.(change, rows, inForce(policies), now)).rejects.toMatchObject(
      { code },
    );
  });

  it.each<[string, Change<'version_promote'>, Version, Policies]>([
    [
      'that soaked',
      promotion('live'),
      version({ promotion_state: 'blessed', state_changed_at: '2025-12-31T00:00:00.000Z' }),
      soak,
    ],
    [
      'of a version by the builder and from the source',
      promotion('live'),
      provenance('https://ci.test', 'https://git.test/redis'),
      built,
    ],
    ['of an attested version', promotion('live'), attested('https://cyclonedx.org/bom'), sbom],
    [
      'to a state that asks for nothing',
      promotion('blessed', null, { from: 'staging' }),
      version({ promotion_state: 'staging' }),
      soak,
    ],
    [
      'that passes through states without a soak, made by a machine whose clock is ahead',
      promotion('live', null, { from: 'built' }),
      version({ promotion_state: 'built', state_changed_at: '2026-01-02T00:00:01.000Z' }),
      {},
    ],
    ['to retire', promotion('retired', null, { from: 'blessed' }), blessed, soak],
    [
      'back to built',
      promotion('built', null, { from: 'staging' }),
      version({ promotion_state: 'staging' }),
      { module_promote_to_staging: { min_soak_s: 1e9, required_attestations: ['a'] } },
    ],
  ])('%s is let through', async (_, change, of, policies) => {
    const rows = { version: of, module, live: null, uses: [] };
    await expect(
      kindOf(change).meet?.(change, rows, inForce(policies), now),
    ).resolves.toBeUndefined();
  });

  it('over several states is frozen by the window of each', async () => {
    const freeze_windows = [{ from: '22:00', to: '06:00', time_zone: 'UTC' }];
    const change = promotion('live', null, { from: 'built' });
    const policy = await kindOf(change).policy(
      change,
      inForce({ module_promote_to_staging: { freeze_windows } }),
    );
    expect(policy).toMatchObject({
      action: 'module_promote_to_live',
      decision: 'require_approval',
      freeze_windows,
    });
  });

  it.each([
    ['a rollback is frozen', rollback, 1],
    ['a break-glass rollback is not', { ...rollback, review_id: 'op_2' }, 0],
    ['the review of one is not', rollbackReview, 0],
  ] as const)('%s', async (_, change, windows) => {
    const freeze_windows = [{ from: '22:00', to: '06:00', time_zone: 'UTC' }];
    const policy = await kindOf(change).policy(
      change,
      inForce({ module_rollback: { freeze_windows } }),
    );
    expect(policy.freeze_windows).toHaveLength(windows);
  });
});

describe('a request in a freeze', () => {
  const asked = { approval_id: null, requested_by_person: 'member:mbr_1' };
  const own = { approval_id: null, requested_by_person: 'gantry' };

  const freeze = { ends_at: '2026-01-02T06:00:00Z' };

  it.each([
    ['of a person is refused', asked, 'require_approval', 'refused'],
    ['of a person is refused if nobody is asked', asked, 'allow', 'refused'],
    ['that waits already keeps waiting', { ...asked, approval_id: 'apr_1' }, 'allow', 'passes'],
    ['that Gantry makes waits for reviewers', own, 'require_approval', 'passes'],
    ['that Gantry makes waits for the end if nobody is asked', own, 'allow', 'waits'],
  ] as const)('%s', (_, operation, decision, expected) => {
    expect(judgeFreeze(operation, { decision }, freeze)).toBe(expected);
    expect(judgeFreeze(operation, { decision }, null)).toBe('passes');
  });

  it.each([
    ['at its end', 'frozen', freeze.ends_at, '2026-01-02T07:00:00.000Z', freeze.ends_at],
    ['earlier, for a change of the policy', 'frozen', freeze.ends_at, '2026-01-02T05:00:00.000Z'],
    ['after a while if it has no end', 'frozen', null, '2026-01-02T05:00:00.000Z'],
  ] as const)('is looked at again %s', (_, code, ends_at, latest, expected = latest) => {
    expect(nextLook({ code }, { ends_at }, latest)).toBe(expected);
  });

  it('waits no longer without a freeze, nor for anything else', () => {
    expect(nextLook({ code: 'frozen' }, null, freeze.ends_at)).toBeNull();
    expect(nextLook({ code: null }, freeze, freeze.ends_at)).toBeNull();
  });
});
