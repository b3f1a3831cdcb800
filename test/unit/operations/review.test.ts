import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { kindOf } from '../../../shared/actions/operations/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import {
  type Change,
  compareLists,
  defaultPolicy,
  factText,
  manifestFacts,
  warnUnshown,
} from '../../../shared/domain/operations/index.ts';
import { storedModule, storedVersion } from '../../support/stored.ts';
import {
  addition,
  assigned,
  budget,
  instance,
  machine,
  member,
  module,
  removal,
  reservation,
  resumption,
  rollback,
  template,
  update,
  withholding,
} from './change-factory.ts';

const pem = String(
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
    type: 'spki',
    format: 'pem',
  }),
);
const build = { entries: 3 };
const live = storedVersion('acme', 'redis', '1.1.0', {
  id: 'ver_1',
  promotion_state: 'live',
  build,
});
const older = storedVersion('acme', 'redis', '1.0.0', {
  id: 'ver_2',
  promotion_state: 'blessed',
  build,
});

const promotion = (to: 'staging' | 'live') =>
  ({
    kind: 'version_promote',
    module: 'redis',
    version_id: 'ver_2',
    from: 'blessed',
    to,
    withdraw: false,
    replaces: 'ver_1',
  }) as const;

function review(change: Change, rows: unknown) {
  return kindOf(change).review(change, rows);
}

describe('a reviewer reads', () => {
  it('of a promotion the versions, digests and signers, and that it is a downgrade', () => {
    const { facts, warnings } = review(promotion('live'), { version: older, module, live });
    expect(facts.slice(0, 2)).toEqual([
      { name: 'version', was: '1.1.0', now: '1.0.0' },
      { name: 'digest', was: live.digest, now: older.digest },
    ]);
    expect(facts.map(({ name }) => name)).toEqual(['version', 'digest', 'signed by', 'state']);
    expect(warnings).toEqual(['This is a downgrade: 1.1.0 → 1.0.0.']);
  });

  it('no old version of a promotion that replaces none', () => {
    const { facts, warnings } = review(promotion('staging'), { version: older, module, live });
    expect(facts[0]).toEqual({ name: 'version', was: null, now: '1.0.0' });
    expect(warnings).toEqual([]);
  });

  it('what a version does to machines besides its files, and what is odd about it', () => {
    const security = { privileged: true };
    const version = storedVersion('acme', 'redis', '1.2.0', {
      build: { entries: 1 },
      manifest: { category: 'workloads', security, users: [{ name: 'redis', uid: 101 }] },
    });
    const was = storedVersion('acme', 'redis', '1.1.0', {
      manifest: { users: [{ name: 'redis', uid: 7 }], reboot_required: true },
    });
    const rows = { version, module: storedModule('acme', 'redis'), live: was };

    const { facts, warnings } = review(promotion('live'), rows);
    expect(facts.slice(3, -1).map(factText)).toEqual([
      'privileged: none → yes',
      'user redis: uid 7 → uid 101',
      'reboot: a new version needs one → none',
    ]);
    expect(warnings).toEqual([
      'Ships nothing for any: its layer has no file and no directory.',
      'Written for the category "workloads", and registered in "userland", which decides.',
      'This version asks to run privileged: nothing on a machine is closed to its services.',
    ]);

    const added = review(addition('asg_2'), { template, owner: null, live: version });
    expect(added.facts.slice(2).map(factText)).toEqual([
      'live version: 1.2.0',
      'privileged: yes',
      'user redis: uid 101',
    ]);
    expect(added.warnings).toHaveLength(2);
  });

  it('of a policy the fields that change, and no other', () => {
    const was = defaultPolicy('module_retire');
    const change = { kind: 'policy_change', was, policy: { ...was, quorum: 5 } } as const;
    expect(review(change, null).facts).toMatchObject([{ was: '1', now: '5' }]);
  });

  it('of a member who becomes a reviewer both roles, and whom they count as', () => {
    const change = {
      kind: 'member_change',
      member_id: member.id,
      was: member.roles,
      roles: [...member.roles, 'reviewer'],
      was_groups: [],
      groups: ['security'],
    } satisfies Change;

    expect(review(change, { member })).toEqual({
      facts: [
        { name: 'member', was: null, now: 'Rita <rita@example.com>' },
        { name: 'roles', was: 'viewer', now: 'viewer, reviewer' },
        { name: 'groups', was: 'none', now: 'security' },
      ],
      warnings: [],
    });

    const shown = { ...member, counts_as: 'member:mbr_9' };
    expect(review(change, { member: shown }).warnings).toEqual([
      'For four eyes, this member counts as member:mbr_9.',
    ]);
  });

  it('of trust the ids of keys instead of PEM', () => {
    const registered = storedModule('acme', 'redis', { trusted_keys: [] });
    const change = {
      kind: 'module_update',
      module: 'redis',
      set: { trusted_keys: [pem] },
      loosens_trust: true,
      policy_version: registered.policy_version,
    } as const;

    const { facts, warnings } = review(
      { ...change, set: { trusted_keys: [...change.set.trusted_keys] } },
      { module: registered, repository: null, users: [] },
    );
    expect(facts).toEqual([
      { name: 'trusted keys', was: 'none', now: expect.stringMatching(/^key [\w+/]{43}=$/) },
    ]);
    expect(warnings).toHaveLength(1);
  });

  it.each<[Change, unknown, string[]]>([
    [
      addition('asg_2'),
      { template, owner: null, live: null },
      ['template: web', 'module: acme/redis'],
    ],
    [
      update({ constraint: '^2', metadata: { n: 1 } }),
      assigned,
      ['template: web', 'module: acme/redis', 'constraint: ^1 → ^2'],
    ],
    [removal, assigned, ['template: web', 'module: acme/redis → none']],
    [reservation(['/opt/**']), { module }, ['module: redis', 'grant: /opt/**']],
    [machine({ track: 'staging' }), instance, ['machine: web-1', 'track: live → staging']],
    [withholding('yank'), live, ['version: 1.1.0', 'reason: see incident 17']],
    [
      rollback,
      { module, bad: live, target: older },
      ['version: 1.1.0 → 1.0.0', 'reason: loses writes'],
    ],
    [resumption, budget, []],
  ])('of $kind names, and what it sets', (change, rows, facts) => {
    const shown = review(change, rows).facts.map(factText);
    const named = shown.filter((line) => !/^(digest|signed by): /.test(line));
    expect(named).toEqual(facts);
  });
});

describe('the difference of two lists', () => {
  const before = new Map([
    ['/a', '1'],
    ['/b', '1'],
    ['/c', '1'],
  ]);

  it('names what is new, gone and different', () => {
    const after = new Map([
      ['/b', '2'],
      ['/c', '1'],
      ['/d', '1'],
    ]);
    expect(compareLists(before, after, 9)).toEqual({
      added: ['/d'],
      removed: ['/a'],
      changed: ['/b'],
      more: 0,
    });
  });

  it('is cut, and counts what it leaves out', () => {
    expect(compareLists(before, new Map(), 1)).toMatchObject({ removed: ['/a'], more: 2 });
  });
});

it('says how many changes of an operation a reviewer is not shown', () => {
  expect(warnUnshown(20)).toEqual([]);
  expect(warnUnshown(45)).toEqual([
    '25 of the 45 changes are not shown here. Look at the operation before you approve it.',
  ]);
});

it('the request to make a member a reviewer names the groups that an admin put them in before', () => {
  const change = {
    kind: 'member_change',
    member_id: 'mbr_1',
    was: ['viewer'],
    roles: ['viewer', 'reviewer'],
    was_groups: ['security'],
    groups: ['security'],
  } as const satisfies Change;
  const rows = { member: { ...member, groups: ['security'] } };

  expect(kindOf(change).summary(change, rows, 'acme')).toBe(
    'change rita@example.com: roles viewer → viewer, reviewer, in the groups security',
  );
  expect(review(change, rows).facts.map(factText)).toContain('decides in groups: security');
});

describe('the fields of two manifests', () => {
  const long = 'x'.repeat(limits.reviewedValueMax);
  const [was, now] = ['old', 'new'].map((end) => ({
    ...storedVersion('acme', 'redis', '1.0.0').manifest,
    description: long + end,
  }));

  it('that differ behind what is shown are shown too', () => {
    if (was === undefined || now === undefined) throw new Error('expected two manifests');
    const cut = `"${long.slice(1)}… (cut)`;
    expect(manifestFacts(was, now)).toEqual([{ name: 'description', was: cut, now: cut }]);
    expect(manifestFacts(was, was)).toEqual([]);
  });

  it('are cut beside a pair of surrogates, not within it', () => {
    const whole = storedVersion('acme', 'redis', '1.0.0').manifest;
    const description = `${'x'.repeat(limits.reviewedValueMax - 2)}${'😀'.repeat(2)}`;
    const [fact] = manifestFacts(whole, { ...whole, description });
    expect(fact?.now).toMatch(/x�… \(cut\)$/);
  });

  it('are whole as long as they fit', () => {
    if (was === undefined || now === undefined) throw new Error('expected two manifests');
    // JSON adds two quotes.
    const fits = long.slice(2);
    const before = { ...was, description: undefined };
    expect(manifestFacts(before, { ...now, description: fits })).toEqual([
      { name: 'description', was: null, now: `"${fits}"` },
    ]);
  });
});
