import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Affected, kindOf, viewsOf } from '../../../shared/actions/operations/index.ts';
import { changeSchema } from '../../../shared/contract/operations/index.ts';
import { inView, moduleInView } from '../../../shared/domain/compose/index.ts';
import { withModuleChanges } from '../../../shared/domain/modules/index.ts';
import {
  type Action,
  type Change,
  type ChangeName,
  defaultPolicy,
} from '../../../shared/domain/operations/index.ts';
import { metadataHash } from '../../../shared/domain/templates/index.ts';
import { storedModule } from '../../support/stored.ts';
import {
  addition,
  assigned,
  assignment,
  at,
  dependencyUpdate,
  everyKind,
  instance,
  live,
  machine,
  module,
  next,
  policy,
  promotion,
  registration,
  removal,
  reservation,
  resumption,
  template,
  unassigned,
  update,
  view,
} from './change-factory.ts';

describe('every kind of change', () => {
  const summaries: Record<ChangeName, string> = {
    version_promote: 'promote redis 2.0.0 to live',
    version_rollback: 'roll redis 1.0.0 back to 0.9.0',
    rollback_review: 'confirm the rollback of redis 1.0.0 to 0.9.0, which is applied already',
    version_yank: 'yank redis 1.0.0',
    version_unyank: 'unyank redis 1.0.0',
    version_quarantine: 'quarantine redis 1.0.0',
    version_release: 'release redis 1.0.0',
    assignment_add: 'assign redis to template web',
    assignment_update: 'change the assignment of redis in template web',
    assignment_remove: 'remove the assignment of redis in template web',
    dependency_update: 'update other/proxy 1.0.0 to 1.1.0 in template web (live)',
    reservation_change: 'reserve /opt/** for redis',
    module_update: 'change visibility of redis',
    instance_update: 'move instance web-1 from live to staging',
    member_change:
      'change rita@example.com: roles viewer → viewer, reviewer; groups none → security',
    policy_change: 'policy of module_retire: quorum 1 → 2',
    quarantine_resume:
      'quarantine every version that no longer verifies, after 5 of them within a day',
  };

  it('has a sample', () => {
    const kinds = everyKind.map(({ change }) => change.kind);
    expect(kinds.sort()).toEqual(Object.keys(summaries).sort());
  });

  it.each(everyKind)('$change.kind is sent as it is', ({ change }) => {
    expect(changeSchema.parse(change)).toEqual(change);
  });

  it.each(everyKind)(
    '$change.kind passes its check with the rows as they are',
    ({ change, rows }) => {
      expect(() => kindOf(change).check(change, rows)).not.toThrow();
    },
  );

  it.each(everyKind)('$change.kind has a summary for people', ({ change, rows }) => {
    expect(kindOf(change).summary(change, rows, 'acme')).toBe(summaries[change.kind]);
  });

  it.each([
    [machine({ clusters: [] }), 'change instance web-1'],
    [machine({ name: 'db-1' }), 'rename instance web-1 to db-1'],
    [
      machine({ name: 'db-1', track: 'staging', from_track: 'blessed', metadata: {} }),
      'rename instance web-1 to db-1 and move instance web-1 from blessed to staging and change instance web-1',
    ],
  ])('the summary of a machine with $0 names its track beside its name', (change, summary) => {
    expect(kindOf(change).summary(change, instance, 'acme')).toBe(summary);
  });

  it.each<[Change, Action]>([
    [promotion('staging'), 'module_promote_to_staging'],
    [promotion('blessed'), 'module_promote_to_blessed'],
    [promotion('live'), 'module_promote_to_live'],
    [promotion('retired'), 'module_retire'],
    [promotion('retired', null, { withdraw: true }), 'module_withdraw'],
    [promotion('built', null, { from: 'staging' }), 'module_promote_to_staging'],
    [promotion('built', null, { from: 'retired' }), 'module_retire'],
    [addition('asg_2'), 'assignment_change'],
    [update({}), 'assignment_change'],
    [removal, 'assignment_change'],
    [dependencyUpdate, 'dependency_update'],
    [reservation([]), 'reservation_change'],
    [registration({ category: 'userland' }), 'module_change'],
    [registration({ trusted_keys: ['k'] }, { loosens_trust: true }), 'trust_policy_change'],
    [machine({}), 'instance_change'],
    [machine({ track: 'live' }), 'instance_change'],
    [machine({ track: 'blessed' }), 'instance_track_change'],
    [machine({ track: 'staging', metadata: { a: 1 } }), 'instance_track_change'],
    [machine({ track: 'staging', from_track: 'blessed' }), 'instance_track_change'],
    [machine({ track: 'blessed', from_track: 'staging' }), 'instance_change'],
    [policy({ quorum: 2 }), 'policy_change'],
    [policy({ self_approval: true }), 'policy_loosen'],
    [resumption, 'mass_quarantine'],
  ])('$0.kind needs the policy of $1', async (change, action) => {
    const asked: Action[] = [];
    const met = await kindOf(change).policy(change, async (one) => {
      asked.push(one);
      return defaultPolicy(one);
    });

    expect(kindOf(change).action(change)).toBe(action);
    expect(asked).toContain(action);
    expect(met.action).toBe(action);
  });
});

describe('what is composed', () => {
  const users = (others: 'never' | 'if_public' | 'always', version_id: string | null = null) => ({
    of: 'module',
    module: 'redis',
    version_id,
    others,
  });

  const own = { of: 'template', template_id: 'tpl_1' };
  const nothing = { of: 'nothing' };
  const itsTemplate = (track: string | null) => ({ of: 'instance', instance_id: 'ins_1', track });

  it.each<[string, Change, object, object]>([
    [
      'a promotion to staging',
      promotion('staging'),
      users('never', 'ver_2'),
      users('never', 'ver_2'),
    ],
    [
      'a promotion to live',
      promotion('live'),
      users('if_public', 'ver_2'),
      users('if_public', 'ver_2'),
    ],
    [
      'a retirement',
      promotion('retired'),
      users('if_public', 'ver_2'),
      users('if_public', 'ver_2'),
    ],
    ['an assignment', addition('asg_2'), own, own],
    ['a change of an assignment', update({}), own, own],
    ['the end of an assignment', removal, own, own],
    ['a reservation', reservation(['/a']), users('never'), users('never')],
    ['another category', registration({ category: 'x' }), users('if_public'), users('if_public')],
    [
      'another visibility',
      registration({ visibility: 'private' }),
      users('always'),
      users('always'),
    ],
    ['another signer', registration({ trusted_keys: [] }), nothing, users('if_public')],
    [
      'another track',
      machine({ track: 'staging' }),
      itsTemplate('staging'),
      itsTemplate('staging'),
    ],
    ['other metadata', machine({ metadata: {} }), itsTemplate(null), nothing],
    ['other clusters', machine({ clusters: ['a'] }), nothing, nothing],
    ['a policy', policy({}), nothing, nothing],
    ['a resumption', resumption, nothing, nothing],
  ])('before and after %s is applied', (_, change, tried, affected) => {
    expect(kindOf(change).tried(change, 'acme')).toEqual(tried);
    expect(kindOf(change).affected(change, 'acme')).toEqual(affected);
  });

  it('includes users in other accounts for what powernode reserves', () => {
    const change = reservation(['/a']);
    const expected: Affected = {
      of: 'module',
      module: 'redis',
      version_id: null,
      others: 'if_public',
    };

    expect(kindOf(change).affected(change, 'powernode')).toEqual(expected);
  });
});

describe('a template with changes', () => {
  const viewed = (...changes: Change[]) => viewsOf(changes, at).template(view);

  it('has an added assignment once, and only where it is the template of the change', () => {
    const added = { ...addition('asg_2', 'acme/nginx') };
    const { kind: _, assignment_id: id, ...rest } = added;
    const row = { ...rest, id, account: 'acme', revision: 1, created_at: at, updated_at: at };

    expect(viewed(added).assignments).toEqual([assignment, row]);
    expect(viewed(added, added).assignments).toEqual([assignment, row]);
    expect(viewed({ ...added, template_id: 'tpl_2' }).assignments).toEqual([assignment]);
  });

  it('keeps what a change of an assignment does not name, and takes null for a value', () => {
    expect(viewed(update({ constraint: null, effective_priority: 7 })).assignments).toEqual([
      { ...assignment, constraint: null, effective_priority: 7 },
    ]);
    const updated = viewed(update({ metadata: { n: 2 } })).assignments;
    expect(updated).toEqual([{ ...assignment, metadata: { n: 2 } }]);
  });

  it('lacks an assignment that is removed', () => {
    expect(viewed(removal).assignments).toEqual([]);
  });

  it('sees a promoted version and the one that it replaces', () => {
    const { states } = viewed(promotion('live', 'ver_1'));
    expect([...states]).toEqual([
      ['ver_2', 'live'],
      ['ver_1', 'blessed'],
    ]);
    expect([...viewed(promotion('blessed', null)).states]).toEqual([['ver_2', 'blessed']]);
    expect(inView(viewed(promotion('live')), next)).toMatchObject({
      promotion_state: 'live',
      was_live: true,
    });
  });

  it('sees every change of one module, of its reservations and of its registration', () => {
    const seen = moduleInView(
      viewed(reservation(['/opt/**'], ['/srv/**']), registration({ category: 'system-base' })),
      module,
    );
    expect(seen).toMatchObject({ granted_reservations: ['/opt/**'], category: 'system-base' });

    const other = storedModule('evil', 'redis');
    expect(moduleInView(viewed(registration({ category: 'system-base' })), other)).toBe(other);
  });

  it.each([machine({ track: 'staging' }), policy({}), resumption])(
    'is as it was for $kind',
    (change) => {
      expect(viewed(change)).toBe(view);
    },
  );

  it('has all of several assignments', () => {
    const seen = viewed(removal, addition('asg_2', 'acme/a'), addition('asg_3', 'acme/b'));
    expect(seen.assignments.map((row) => row.module)).toEqual(['acme/a', 'acme/b']);
  });
});

describe('a machine with a change', () => {
  it('has what the change names, and only if it is the machine of the change', () => {
    const views = viewsOf([machine({ track: 'staging', metadata: { a: 1 } })], at);
    expect(views.instance(instance)).toEqual({ ...instance, track: 'staging', metadata: { a: 1 } });
    const other = { ...instance, id: 'ins_2' };
    expect(views.instance(other)).toBe(other);
  });

  it.each(everyKind.filter(({ change }) => change.kind !== 'instance_update'))(
    'is as it was for $change.kind',
    ({ change }) => {
      expect(viewsOf([change], at).instance(instance)).toBe(instance);
    },
  );
});

/** A key that the module below trusts, and one that it does not. */
const newPublicKey = () =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
    type: 'spki',
    format: 'pem',
  }) as string;
const [ownKey, otherKey] = [newPublicKey(), newPublicKey()];
const signed = withModuleChanges(module, { trusted_keys: [ownKey] });

/** The rows of a change of a policy in an account with one reviewer and no policies of its own. */

describe('a change is refused', () => {
  it.each<[string, Change, unknown, string]>([
    [
      'that promotes from a state that no longer leads there',
      promotion('staging'),
      { version: next, module, live, uses: [] },
      'operation_raced',
    ],
    [
      'that replaces a version which is not live any more',
      promotion('live', null),
      { version: next, module, live, uses: [] },
      'operation_raced',
    ],
    [
      'that promotes what is quarantined',
      promotion('live', 'ver_1'),
      { version: { ...next, quarantined: true }, module, live, uses: [] },
      'version_quarantined',
    ],
    [
      'that assigns a module a second time',
      addition('asg_2'),
      { template, owner: 'asg_1', archived: false },
      'already_exists',
    ],
    [
      'that changes an assignment of another template',
      update({ constraint: null }),
      { template, assignment: { ...assignment, template_id: 'tpl_2' } },
      'invalid_request',
    ],
    [
      'that removes an assignment of another template',
      removal,
      { template, assignment: { ...assignment, template_id: 'tpl_2' } },
      'invalid_request',
    ],
    [
      'that reserves what no version asks for',
      reservation(['/opt/**']),
      { module, patterns: new Set() },
      'reservation_unknown',
    ],
    [
      'that revokes what is not granted',
      reservation([], ['/opt/**']),
      { module, patterns: new Set() },
      'reservation_unknown',
    ],
    [
      'whose effect on trust was judged by another policy',
      registration({ trusted_keys: [] }, { policy_version: 'old' }),
      { module, repository: null, users: [] },
      'operation_raced',
    ],
    [
      'that loosens trust and says that it does not',
      registration({ trusted_keys: [otherKey] }, { policy_version: signed.policy_version }),
      { module: signed, repository: null, users: [] },
      'invalid_request',
    ],
    [
      'that leaves a module nobody to trust',
      registration(
        { trusted_keys: [] },
        { policy_version: signed.policy_version, loosens_trust: true },
      ),
      { module: signed, repository: null, users: [] },
      'policy_missing',
    ],
    ['by no range', { ...addition('asg_2'), constraint: 'none' }, unassigned, 'invalid_request'],
    [
      'to a constraint that is not a range',
      update({ constraint: 'no range at all' }),
      assigned,
      'invalid_request',
    ],
    [
      'of metadata of a machine that was merged with another',
      machine({ metadata: { a: 1 }, from_metadata: metadataHash({}) }),
      instance,
      'operation_raced',
    ],
    [
      'of metadata of an assignment that was merged with another',
      update({ metadata: { a: 1 }, from_metadata: metadataHash({}) }),
      assigned,
      'operation_raced',
    ],
    [
      'of a machine that is on another track by now',
      machine({ track: 'blessed', from_track: 'staging' }),
      instance,
      'operation_raced',
    ],
    [
      'of a machine that is decommissioned',
      machine({ track: 'live' }),
      { ...instance, state: 'decommissioned' },
      'instance_decommissioned',
    ],
  ])('%s', (_, change, rows, code) => {
    expect(() => kindOf(change).check(change, rows)).toThrow(expect.objectContaining({ code }));
  });

  it.each<[string, Change]>([
    [
      'that says it loosens trust',
      registration(
        { trusted_keys: [ownKey, otherKey] },
        { policy_version: signed.policy_version, loosens_trust: true },
      ),
    ],
    [
      'that takes trust away',
      registration({ require_tlog: true }, { policy_version: signed.policy_version }),
    ],
  ])('not one %s', (_, change) => {
    const rows = { module: signed, repository: null, users: [] };
    expect(() => kindOf(change).check(change, rows)).not.toThrow();
  });

  it('not where metadata was merged with what is there, in any order', () => {
    const present = { ...instance, metadata: { a: 1, b: 2 } };
    const change = machine({ metadata: { a: 2 }, from_metadata: metadataHash({ b: 2, a: 1 }) });
    expect(() => kindOf(change).check(change, present)).not.toThrow();
    expect(kindOf(change).review(change, present).facts).toHaveLength(2);
  });

  it('not for another policy where it changes no trust', () => {
    const change = registration({ category: 'x' }, { policy_version: 'old' });
    const rows = { module, repository: null, users: [] };
    expect(() => kindOf(change).check(change, rows)).not.toThrow();
  });
});
