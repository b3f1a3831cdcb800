import { describe, expect } from 'vitest';
import { composeTemplate } from '../../../shared/actions/compose/index.ts';
import { readRecord } from '../../../shared/actions/compositions/index.ts';
import { enqueue } from '../../../shared/actions/context/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import {
  assignModule,
  decideApproval,
  proposeUpdates,
  requireOperation,
  showApproval,
  sweepOperations,
  updateAssignment,
  withholdVersion,
} from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { sha256Hex } from '../../../shared/base/ids.ts';
import { fsVerityDigest } from '../../../shared/composefs/index.ts';
import type { TemplateComposition } from '../../../shared/domain/compose/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import type { Operation } from '../../../shared/domain/operations/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import {
  getComposition,
  getCompositionFailure,
  getDependency,
} from '../../../shared/store/compose/index.ts';
import { getBytes } from '../../../shared/store/objects.ts';
import { getTemplate } from '../../../shared/store/templates/index.ts';
import { alone, hoursLater } from '../../support/flow.ts';
import {
  as,
  holdPuts,
  policy,
  promote,
  raise,
  raiseUnasked,
  requirePending,
} from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import {
  authorKey,
  eventually,
  type ModuleSource,
  type Person,
  World,
} from '../../support/world.ts';

const platform = 'ubuntu-24.04-amd64';
const key = authorKey();
let names = 0;

/** A template whose staging track is composed, because an instance follows it. */
async function staged(world: World): Promise<Template> {
  names += 1;
  const template = await createTemplate(world.services, world.caller, {
    name: `template-${names}`,
    platform,
  });

  const instance = {
    name: `instance-${names}`,
    template_id: template.id,
    track: 'staging',
  } as const;

  await createInstance(world.services, world.caller, instance);
  return template;
}

async function assign(
  world: World,
  template: Template,
  module: string,
  more: { effective_priority?: number } = {},
) {
  const input = { template_id: template.id, module, ...more };
  const { operation, assignment_id } = await assignModule(world.services, world.caller, input);
  return { assignment_id, ended: await world.operation(operation.id) };
}

async function built(
  world: World,
  source: ModuleSource,
  tag = 'v1.0.0',
  more: Parameters<World['register']>[2] = {},
) {
  if (tag === 'v1.0.0') await world.register(source.name, key, more);
  return world.ingest(source, tag, key);
}

/**
 * Waits until the template's staging composition is of the template as it is now, and as is asked
 * for.
 */
function composed(
  world: World,
  template: Template,
  as: (pointer: TemplateComposition) => boolean = () => true,
) {
  return eventually(`${template.name} to be composed`, async () => {
    const { account, id } = template;
    const now = await getTemplate(world.services.db, account, id);
    const pointer = await getComposition(world.services.db, account, id, 'staging');

    return pointer !== null && pointer.template_revision === now?.revision && as(pointer)
      ? pointer
      : null;
  });
}

async function recordOf(world: World, pointer: TemplateComposition) {
  return readRecord(world.services, pointer.report_key);
}

/** A composition apart from when and how often it was put in place. */
function content({ made_at: _, revision: __, ...rest }: TemplateComposition) {
  return rest;
}

async function decide(world: World, rita: Person, id: string, decision: 'approve' | 'reject') {
  const waiting = await world.operation(id, 'awaiting_approval');
  const input = { id: requirePending(waiting), decision, comment: null } as const;
  await decideApproval(world.services, as(rita), input);
  return world.operation(id);
}

const staging = (world: World, version: Version): Promise<Operation> =>
  promote(world, version, 'staging');
const full = (world: World, name: string) => `${world.account}/${name}`;

describe('a composition', () => {
  let template: Template;
  let base: Version;
  let app: Version;

  it.beforeAll(async ({ world }) => {
    [template, base, app] = await Promise.all([
      staged(world),
      built(
        world,
        {
          name: 'base',
          files: {
            'etc/conf': 'base',
            'etc/keep': 'base',
            'usr/bin/tool': 'base',
            'etc/base': 'base',
          },
          manifest: 'protected_spec: ["/etc/keep"]',
        },
        'v1.0.0',
        { category: 'system-base' },
      ),
      built(world, {
        name: 'app',
        files: { 'etc/conf': 'app', 'etc/keep': 'app', 'usr/bin/tool': 'app' },
        manifest: 'protected_spec: ["/usr/bin/tool"]',
      }),
    ]);
    for (const module of ['base', 'app'])
      expect((await assign(world, template, module)).ended.state).toBe('succeeded');
  });

  it('leaves out a module without a version for its track, warns of it, and has it after the promotion', async ({
    world,
  }) => {
    const before = await recordOf(world, await composed(world, template));
    expect(before.layers).toEqual([]);
    expect(before.report.warnings).toEqual([
      `${full(world, 'base')} has no version for track staging and is left out`,
      `${full(world, 'app')} has no version for track staging and is left out`,
    ]);

    const digest = before.composition_digest;
    await Promise.all([staging(world, base), staging(world, app)]);

    const pointer = await composed(world, template, (now) => now.digest !== digest);
    const after = await eventually('both layers', async () => {
      const record = await recordOf(world, await composed(world, template));
      return record.layers.length === 2 ? record : null;
    });

    expect(after.report.warnings).toEqual([]);
    expect(pointer.modules).toEqual([full(world, 'app'), full(world, 'base')]);
  });

  it('ranks by category, protects both ways, and reports what is dropped and shadowed', async ({
    world,
  }) => {
    const { report, layers } = await recordOf(world, await composed(world, template));
    expect(report.layers.map(({ name, priority }) => [name, priority])).toEqual([
      [full(world, 'base'), 10],
      [full(world, 'app'), 90],
    ]);
    expect(report.dropped).toEqual([
      { path: '/etc/keep', from: full(world, 'app'), because_of: full(world, 'base') },
      { path: '/usr/bin/tool', from: full(world, 'base'), because_of: full(world, 'app') },
    ]);
    expect(report.shadowed).toEqual([
      { path: '/etc/conf', from: full(world, 'base'), by: full(world, 'app') },
    ]);
    expect(layers.map(({ module, effective_mask }) => [module, effective_mask])).toEqual([
      ['base', ['/usr/bin/tool']],
      ['app', ['/etc/keep']],
    ]);
  });

  it('has an image in S3 whose fs-verity digest names it', async ({ world }) => {
    const pointer = await composed(world, template);
    const { image } = await recordOf(world, pointer);
    const bytes = await getBytes(world.services.objects, image.key);

    expect(`sha256:${fsVerityDigest(bytes)}`).toBe(pointer.digest);
    expect([sha256Hex(bytes), bytes.length]).toEqual([image.sha256, image.length]);
  });

  it('has the same digest for the same content, and another where a priority changes the owner of a path', async ({
    world,
  }) => {
    const other = await staged(world);
    const { assignment_id } = await assign(world, other, 'app');

    await assign(world, other, 'base');
    const [one, two] = [await composed(world, template), await composed(world, other)];

    expect(two.digest).toBe(one.digest);
    const change = { id: assignment_id, effective_priority: 5 };
    const { id } = await updateAssignment(world.services, world.caller, change);

    expect((await world.operation(id)).state).toBe('succeeded');
    const turned = await recordOf(world, await composed(world, other));

    expect(turned.composition_digest).not.toBe(one.digest);
    expect(turned.report.shadowed).toEqual([
      { path: '/etc/conf', from: full(world, 'app'), by: full(world, 'base') },
    ]);
  });

  it('stays the same however often it is composed', async ({ world }) => {
    const before = await composed(world, template);
    const message = { account: world.account, template_id: template.id, track: 'staging' } as const;
    const ten = Array.from({ length: 10 }, () => message);

    await enqueue(world.services, 'compose', ten);
    for (let i = 0; i < 3; i++) await composeTemplate(world.services, message);
    expect(content(await composed(world, template))).toEqual(content(before));
  });
});

it('a slow compose never replaces the result of a newer one', async ({ world }) => {
  const template = await staged(world);
  const version = await built(world, { name: 'slow', files: { 'etc/slow': 'x' } });

  await staging(world, version);
  const { assignment_id } = await assign(world, template, 'slow');
  const stale = await composed(world, template);
  const held = holdPuts();

  const work = composeTemplate(held.services, {
    account: world.account,
    template_id: template.id,
    track: 'staging',
  });

  await held.reached;
  const change = { id: assignment_id, effective_priority: 7, metadata: { n: 1 } };

  await world.operation((await updateAssignment(world.services, world.caller, change)).id);
  const fresh = await composed(world, template);

  held.release();
  await work;

  const now = await composed(world, template);
  expect(content(now)).toEqual(content(fresh));
  expect(now.report_key).not.toBe(stale.report_key);
});

it('an assignment for a platform that the registration lacks is refused, and names those', async ({
  world,
}) => {
  const template = await staged(world);
  const arm = await built(world, { name: 'arm', files: { 'etc/arm': 'x' } }, 'v1.0.0', {
    platforms: ['ubuntu-24.04-arm64', 'debian-12-arm64'],
  });

  await staging(world, arm);
  const { ended, assignment_id } = await assign(world, template, 'arm');

  expect(ended).toMatchObject({ state: 'failed', code: 'composition_platform_mismatch' });
  const build = `expected a build of ${full(world, 'arm')} 1.0.0 for ${platform}, found only ubuntu-24.04-arm64, debian-12-arm64`;

  expect(ended.message).toBe(`template ${template.name} (${template.id}, staging): ${build}`);
  await expect(
    updateAssignment(world.services, world.caller, { id: assignment_id }),
  ).rejects.toMatchObject({
    code: 'not_found',
  });
});

it('a promotion of a module that is only required, and only on the staging track, reaches the template', async ({
  world,
}) => {
  const template = await staged(world);
  const [lib, user] = await Promise.all([
    built(world, { name: 'lib', files: { 'usr/lib/lib': '1.0' } }),
    built(world, {
      name: 'user',
      files: { 'usr/bin/user': 'x' },
      manifest: `dependencies: { requires: ["${full(world, 'lib')}@^1.0"] }`,
    }),
  ]);

  await staging(world, lib);
  await staging(world, user);
  expect((await assign(world, template, 'user')).ended.state).toBe('succeeded');

  const versions = async () =>
    (await recordOf(world, await composed(world, template))).layers.map(({ version }) => version);
  expect(await versions()).toEqual(['1.0.0', '1.0.0']);
  await staging(
    world,
    await built(world, { name: 'lib', files: { 'usr/lib/lib': '1.1' } }, 'v1.1.0'),
  );
  await eventually('lib 1.1.0 in the template', async () =>
    (await versions()).includes('1.1.0') ? true : null,
  );
});

it("the first version of another account's module waits for a change of the template", async ({
  registry,
  world,
}) => {
  const owner = await World.create(registry.host);
  await owner.register('shared', key, { visibility: 'public' });

  const version = await owner.ingest(
    { name: 'shared', files: { 'etc/shared': 'x' } },
    'v1.0.0',
    key,
  );

  const template = await staged(world);
  const { assignment_id, ended } = await assign(world, template, `${owner.account}/shared`);
  expect(ended.state).toBe('succeeded');

  // Nobody of the template's account saw this version, so that it only shows as a warning.
  await raise(owner, version, 'blessed');
  await eventually('the warning', async () => {
    const { layers, report } = await recordOf(world, await composed(world, template));
    expect(layers).toEqual([]);
    return report.warnings.join().includes('has its first version for track staging') || null;
  });

  const rita = await world.reviewer();
  const set = { id: assignment_id, constraint: '^1.0' };
  const { id } = await updateAssignment(world.services, world.caller, set);
  await decide(world, rita, id, 'approve');
  const layers = await eventually('the layer', async () => {
    const record = await recordOf(world, await composed(world, template));
    return record.layers.length === 1 ? record.layers : null;
  });
  expect(layers).toMatchObject([{ account: owner.account, module: 'shared' }]);
  await owner.close();
});

it("another account's newer version is proposed, and machines keep theirs until it is approved", async ({
  registry,
  world,
}) => {
  const { services, caller, account } = world;
  const owner = await World.create(registry.host);
  await owner.register('feed', key, { visibility: 'public' });
  const rita = await world.reviewer();

  const release = async (tag: string) => {
    const files = { 'etc/feed': tag };
    const version = await owner.ingest({ name: 'feed', files }, tag, key);
    await raiseUnasked(owner, version);
    return version;
  };
  const module = `${owner.account}/feed`;
  const first = await release('v1.0.0');

  const template = await createTemplate(services, caller, { name: 'reader', platform });
  const assigned = await assignModule(services, caller, { template_id: template.id, module });
  const message = { account, template_id: template.id, track: 'live' } as const;
  const running = async () => {
    const pointer = await getComposition(services.db, account, template.id, 'live');
    return pointer === null ? null : (await recordOf(world, pointer)).layers[0]?.version;
  };
  const runs = (version: string) =>
    eventually(`the template to have ${version}`, async () =>
      (await running()) === version ? true : null,
    );
  const proposal = (version_id: string) =>
    eventually('the proposal', async () => {
      const row = await getDependency(services.db, { ...message, module });
      return row?.proposal?.version_id === version_id ? row.proposal.operation_id : null;
    });

  // Reviewers are asked for the first version too. One that is released meanwhile is not taken.
  expect(await world.operation(assigned.operation.id, 'awaiting_approval')).toMatchObject({
    actions: ['assignment_change', 'dependency_update'],
  });
  const second = await release('v1.1.0');
  expect((await decide(world, rita, assigned.operation.id, 'approve')).state).toBe('succeeded');
  await runs('1.0.0');

  const replaced = await proposal(second.id);
  expect(await world.operation(replaced, 'awaiting_approval')).toMatchObject({
    actions: ['dependency_update'],
    summary: `update ${module} 1.0.0 to 1.1.0 in template reader (live)`,
    changes: [{ from_version_id: first.id, version_id: second.id }],
  });

  // A newer version replaces the open proposal.
  const third = await release('v1.2.0');
  const refused = await proposal(third.id);
  expect(await world.operation(replaced)).toMatchObject({ state: 'withdrawn' });
  expect((await decide(world, rita, refused, 'reject')).state).toBe('rejected');

  // A rejected version is not proposed again, however often the template is composed.
  const apart = await alone(services);
  for (let i = 0; i < 2; i++) {
    await composeTemplate(apart, message);
    await proposeUpdates(apart, message);
  }
  expect(await getDependency(services.db, { ...message, module })).toMatchObject({
    proposal: { operation_id: refused },
    rejected: [third.id],
  });
  expect(await running()).toBe('1.0.0');

  // Who names it in a constraint asks the reviewers again.
  const set = { id: assigned.assignment_id, constraint: '>=1.2' };
  const named = await updateAssignment(services, caller, set);
  const waiting = await world.operation(named.id, 'awaiting_approval');
  const { review } = await showApproval(services, account, requirePending(waiting));
  expect(review.changes).toMatchObject([
    { kind: 'assignment_update' },
    {
      kind: 'dependency_update',
      facts: expect.arrayContaining([{ name: 'version', was: '1.0.0', now: '1.2.0' }]),
      warnings: [
        `This moves ${module} of another account from 1.0.0 to 1.2.0.`,
        `Reviewers rejected ${module} 1.2.0 before.`,
      ],
    },
  ]);
  expect((await decide(world, rita, named.id, 'reject')).state).toBe('rejected');

  // A proposal that nobody decides in time is made again.
  await policy(world, 'dependency_update', { expires_in_s: 5 });
  const fourth = await release('v1.3.0');
  const lapsed = await proposal(fourth.id);
  await world.operation(lapsed, 'awaiting_approval');
  await policy(world, 'dependency_update', {});
  expect(await world.operation(lapsed)).toMatchObject({ state: 'expired' });

  const again = await eventually('another proposal', async () => {
    const id = await proposal(fourth.id);
    return id === lapsed ? null : id;
  });
  expect((await decide(world, rita, again, 'approve')).state).toBe('succeeded');
  await runs('1.3.0');

  // A pinned version that its account withdraws stays on the machines, and the next one is urgent.
  const asked = { kind: 'version_yank', version_id: fourth.id, reason: 'loses feeds' } as const;
  await owner.operation((await withholdVersion(owner.services, owner.caller, asked)).id);
  await eventually('the failure', () =>
    getCompositionFailure(services.db, account, template.id, 'live'),
  );
  expect(await running()).toBe('1.3.0');

  const fifth = await release('v1.4.0');
  const urgent = await proposal(fifth.id);
  expect((await decide(world, rita, urgent, 'approve')).summary).toBe(
    `update ${module} 1.3.0 to 1.4.0 in template reader (live), because 1.3.0 is yanked`,
  );
  await runs('1.4.0');

  // An update that nobody is asked about, and that meets a freeze, is applied when the freeze ends.
  const window = { from: '2026-01-01 00:00', to: '2099-01-01 00:00', time_zone: 'UTC' };
  await policy(world, 'dependency_update', { decision: 'allow', freeze_windows: [window] });
  const frozen = await proposal((await release('v1.5.0')).id);
  const operation = () => requireOperation(services, account, frozen);
  await eventually('the wait', async () => ((await operation()).code === 'frozen' ? true : null));

  await sweepOperations(hoursLater(services, 1));
  expect(await operation()).toMatchObject({ state: 'requested', code: 'frozen', attempt: 1 });
  await policy(world, 'dependency_update', { decision: 'allow' });
  await sweepOperations(hoursLater(services, 2));
  expect(await world.operation(frozen)).toMatchObject({ state: 'succeeded', code: null });
  await runs('1.5.0');
  await owner.close();
});
