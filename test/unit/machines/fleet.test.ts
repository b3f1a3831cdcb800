import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Instance, InstanceReport } from '../../../shared/domain/machines/index.ts';
import {
  cutFleet,
  fleetOf,
  machinesRunning,
  mergeFleets,
  type Offer,
  ofFleet,
  suitability,
} from '../../../shared/domain/machines/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import { instanceOf } from '../../support/instance.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const time = '2026-01-01T00:00:00.000Z';

const counted = (machines: readonly Instance[], now = new Date(time)) => fleetOf(machines, now);

/** A machine that is to run `desired` and says that it runs `running`; null: it never reported. */
function machine(
  name: string,
  desired: Record<string, string>,
  running: Record<string, string> | null = desired,
  more: Partial<Instance> = {},
): Instance {
  const composition = (modules: Record<string, string>) =>
    digest(modules.redis === digest('a') ? '1' : '2');
  const report: InstanceReport | null = running && {
    status: 'applied',
    code: null,
    message: null,
    desired_state_version: 1,
    composition_digest: composition(running),
    running_module_digests: running,
    health: 'healthy',
    agent_version: '1',
    healthy_since: null,
    at: time,
  };

  return instanceOf({
    id: `ins_${name}`,
    name,
    desired_version: 1,
    desired_composition: composition(desired),
    desired_modules: desired,
    desired_signed_at: time,
    desired_expires_at: time,
    report,
    created_at: time,
    updated_at: time,
    ...more,
  });
}

const [a, b, c] = [digest('a'), digest('b'), digest('c')];
const anyDigest = fc.constantFrom(a, b, c);
const anyModules = fc.dictionary(
  fc.constantFrom('redis', 'nginx', 'other/base', '__proto__', 'constructor'),
  anyDigest,
);
const anyMachine = fc
  .record({
    desired: anyModules,
    running: fc.option(anyModules),
    template_id: fc.constantFrom('tpl_web', 'tpl_db'),
    track: fc.constantFrom('live' as const, 'staging' as const),
    clusters: fc.array(fc.constantFrom('tokyo', 'paris')),
    desired_version: fc.nat(1),
  })
  .map(({ desired, running, ...more }) => machine('m', desired, running, more));

const tally = (instances: number, drifted: number, pending: number) => ({
  instances,
  drifted,
  pending,
  silent: 0,
});

describe('a fleet', () => {
  it('is counted by reason, template, cluster, track, composition and module', () => {
    const fleet = counted([
      machine('ok', { redis: a }, { redis: a }, { clusters: ['tokyo', 'web'] }),
      machine('behind', { redis: b }, { redis: a }, { clusters: ['tokyo'], track: 'staging' }),
      machine('silent', { redis: b }, null, { template_id: 'tpl_db' }),
    ]);

    expect(fleet).toMatchObject({
      instances: 3,
      drifted: 1,
      pending: 1,
      silent: 0,
      truncated: false,
    });
    expect(fleet.reasons).toMatchObject({ none: 1, modules: 1, never_reported: 1, composition: 0 });
    expect(fleet.templates).toEqual([
      {
        template_id: 'tpl_db',
        name: null,
        ...tally(1, 0, 1),
        composition_failures: [],
      },
      { template_id: 'tpl_web', name: null, ...tally(2, 1, 0), composition_failures: [] },
    ]);

    expect(fleet.clusters).toEqual([
      { cluster: null, ...tally(1, 0, 1) },
      { cluster: 'tokyo', ...tally(2, 1, 0) },
      { cluster: 'web', ...tally(1, 0, 0) },
    ]);

    expect(fleet.tracks).toEqual([
      { track: 'live', ...tally(2, 0, 1) },
      { track: 'staging', ...tally(1, 1, 0) },
    ]);
    expect(fleet.compositions).toEqual([
      { digest: digest('1'), desired: 1, running: 2, matching: 1 },
      { digest: digest('2'), desired: 2, running: 0, matching: 0 },
    ]);

    expect(fleet.modules).toEqual([
      {
        module: 'redis',
        desired: 3,
        running: 2,
        drifted: 1,
        digests: [
          { digest: a, desired: 1, running: 2, matching: 1, versions: [], withheld: null },
          { digest: b, desired: 2, running: 0, matching: 0, versions: [], withheld: null },
        ],
      },
    ]);
  });

  it('counts a machine that runs a module which it should not', () => {
    const [nginx, redis] = counted([
      machine('extra', { redis: a }, { redis: a, nginx: c }),
    ]).modules;
    expect(nginx).toMatchObject({ module: 'nginx', desired: 0, running: 1, drifted: 1 });
    expect(redis).toMatchObject({ module: 'redis', drifted: 0 });
  });

  it('counts a module by whatever name a machine reports it', () => {
    const [module] = counted([machine('hostile', {}, { constructor: c })]).modules;
    expect(module).toMatchObject({ module: 'constructor', desired: 0, running: 1, drifted: 1 });
  });

  it('a machine whose desired state cannot follow the composition is held, unless it differs already', () => {
    const desired_error = {
      code: 'version_quarantined',
      message: 'x',
      since: '2026-01-01T00:00:00.000Z',
    } as const;
    const [held, other] = [{ redis: digest('a') }, { redis: digest('b') }];
    const machines = [
      machine('held', held, held, { desired_error }),
      machine('other', held, other, { desired_error }),
    ];

    expect(counted(machines).reasons).toMatchObject({ none: 0, held: 1, modules: 1 });
  });

  it('counts a machine that fell silent, whatever it said last', () => {
    const machines = [machine('ok', { redis: a }, { redis: a })];
    const reasonsAfter = (hours: number) =>
      counted(machines, new Date(Date.parse(time) + hours * 3_600_000)).reasons;
    expect(reasonsAfter(2)).toMatchObject({ none: 1, silent: 0 });
    expect(reasonsAfter(4)).toMatchObject({ none: 0, silent: 1 });
  });

  it('of no machines has no groups', () => {
    expect(counted([])).toMatchObject({
      instances: 0,
      drifted: 0,
      templates: [],
      clusters: [],
      modules: [],
    });
  });

  it('leaves out decommissioned machines, and those that a filter does not name', () => {
    const machines = [
      machine('gone', {}, {}, { state: 'decommissioned' }),
      machine('tokyo', {}, {}, { clusters: ['tokyo'] }),
      machine('staging', {}, {}, { track: 'staging' }),
    ];

    const named = (filter: Parameters<typeof ofFleet>[1]) =>
      ofFleet(machines, filter).map(({ name }) => name);
    expect(named({})).toEqual(['tokyo', 'staging']);
    expect(named({ cluster: 'tokyo' })).toEqual(['tokyo']);
    expect(named({ track: 'staging' })).toEqual(['staging']);
    expect(named({ cluster: 'tokyo', track: 'staging' })).toEqual([]);
  });

  it('is the sum of its pages, however it is cut into them and in whatever order', () => {
    fc.assert(
      fc.property(fc.array(anyMachine), fc.nat(), (machines, at) => {
        const cut = at % (machines.length + 1);
        const pages = [counted(machines.slice(cut)), counted([]), counted(machines.slice(0, cut))];
        expect(mergeFleets(pages)).toEqual(counted(machines));
      }),
    );
  });

  it('keeps why a template is not composed, once per track, from any page', () => {
    const since = '2026-01-01T00:00:00.000Z';
    const failure = {
      track: 'live' as const,
      code: 'composition_unsatisfied',
      message: 'no',
      since,
    };

    const page = counted([machine('m', {})]);
    const told = {
      ...page,
      templates: page.templates.map((row) => ({ ...row, composition_failures: [failure] })),
    };

    for (const pages of [
      [page, told],
      [told, page],
      [told, told],
    ]) {
      expect(mergeFleets(pages).templates.map((row) => row.composition_failures)).toEqual([
        [failure],
      ]);
    }
  });

  it('has no more drift than machines, and what matches is desired and running', () => {
    fc.assert(
      fc.property(fc.array(anyMachine), (machines) => {
        const fleet = counted(machines);
        expect(fleet.instances).toBe(machines.length);
        expect(fleet.drifted + fleet.pending + fleet.silent + fleet.reasons.none).toBe(
          machines.length,
        );

        for (const row of fleet.modules) {
          const sum = (of: 'desired' | 'running' | 'matching') =>
            row.digests.reduce((n, one) => n + one[of], 0);
          expect([sum('desired'), sum('running')]).toEqual([row.desired, row.running]);
          expect(row.drifted).toBeLessThanOrEqual(row.desired + row.running - 2 * sum('matching'));
        }
      }),
    );
  });

  it('that is too long keeps what machines should run before what they say', () => {
    const fleet = counted([
      machine('one', { redis: a }, { redis: a, aaa: c }),
      machine('two', { redis: a }, { redis: b, aaa: c }),
      machine('three', { redis: a }, { redis: c, aaa: c }),
    ]);

    const cut = cutFleet(fleet, 1, 1);
    expect(cut.truncated).toBe(true);
    expect(cut.modules).toEqual([
      { ...fleet.modules[1], digests: [expect.objectContaining({ digest: a })] },
    ]);
    expect(cutFleet(fleet, 2, 3)).toEqual(fleet);
    expect(mergeFleets([cut, counted([])]).truncated).toBe(true);
  });
});

describe('the machines that run a module', () => {
  const known = new Map([
    [a, { versions: ['1.0.0'], withheld: null }],
    [b, { versions: ['1.1.0', '1.1.1'], withheld: null }],
  ]);
  const machines = [
    machine('old', { redis: b }, { redis: a }),
    machine('new', { redis: b }),
    machine('tampered', { redis: b }, { redis: c }),
    machine('silent', { redis: b }, null),
    machine('other', { nginx: a }),
    machine('gone', { redis: a }, { redis: a }, { state: 'decommissioned' }),
  ];

  const names = (version?: string) =>
    machinesRunning(machines, 'redis', { known, version, now: new Date(time) }).map(
      ({ name }) => name,
    );

  it('are those that report any digest of it, with the versions that have the digest', () => {
    expect(names()).toEqual(['old', 'new', 'tampered']);
    const [old, current, tampered] = machinesRunning(machines, 'redis', {
      known,
      now: new Date(time),
    });

    expect(old).toMatchObject({ running: a, versions: ['1.0.0'], desired: b, drift: true });
    expect(current).toMatchObject({
      versions: ['1.1.0', '1.1.1'],
      drift: false,
      reported_at: time,
    });

    expect(tampered).toMatchObject({ versions: [], drift: true });
  });

  it('of one version are those that report a digest which the version has', () => {
    expect(names('1.0.0')).toEqual(['old']);
    expect(names('1.1.1')).toEqual(['new']);
    expect(names('2.0.0')).toEqual([]);
  });
});

describe('a template', () => {
  const template: Template = {
    account: 'acme',
    id: 'tpl_web',
    name: 'web',
    platform: 'ubuntu-24.04-amd64',
    instance_added_at: null,
    revision: 1,
    created_at: time,
    updated_at: time,
  };

  const offer = (track: Offer['track'], ...built: string[]): Offer => ({
    track,
    version: '1.0.0',
    kind: 'node',
    platforms: { registered: [], built },
  });

  it('takes a module whose versions have builds for its platform, or for any', () => {
    const offers = [
      offer('live', 'ubuntu-24.04-amd64', 'ubuntu-24.04-arm64'),
      offer('staging', 'any'),
    ];
    expect(suitability(template, false, offers)).toEqual({
      template_id: 'tpl_web',
      name: 'web',
      platform: 'ubuntu-24.04-amd64',
      takes: true,
      reason: 'none',
      message: null,
      offers: [
        { track: 'live', version: '1.0.0' },
        { track: 'staging', version: '1.0.0' },
      ],
    });
  });

  it('takes no module twice', () => {
    expect(suitability(template, true, [offer('live', 'any')])).toMatchObject({
      takes: false,
      reason: 'assigned',
    });
  });

  it('refuses a module without a version to offer', () => {
    expect(suitability(template, false, [])).toMatchObject({ takes: false, reason: 'no_version' });
  });

  it('takes no platform module, which runs on no machine', () => {
    expect(
      suitability(template, false, [{ ...offer('live', 'any'), kind: 'platform' }]),
    ).toMatchObject({
      takes: false,
      reason: 'kind',
      message: 'expected a module of files, found that 1.0.0 (live) is a platform module',
    });
  });

  it('refuses a module that is registered for other platforms, though its build serves any', () => {
    const platforms = { registered: ['debian-13-arm64', 'debian-13-amd64'], built: ['any'] };
    expect(suitability(template, false, [{ ...offer('live'), platforms }])).toMatchObject({
      takes: false,
      reason: 'platform',
      message:
        'expected a build for ubuntu-24.04-amd64, found 1.0.0 (live) for debian-13-arm64, debian-13-amd64',
    });
  });

  it('refuses a module whose version on a track has no build for its platform, and names it', () => {
    const offers = [offer('live', 'any'), offer('staging', 'debian-13-arm64')];
    expect(suitability(template, false, offers)).toMatchObject({
      takes: false,
      reason: 'platform',
      message: 'expected a build for ubuntu-24.04-amd64, found 1.0.0 (staging) for debian-13-arm64',
    });
  });
});
