import { describe, expect } from 'vitest';
import { readTemplateModules } from '../../../shared/actions/compositions/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import { usesOfModule } from '../../../shared/actions/modules/index.ts';
import {
  assignModule,
  decideApproval,
  promoteVersion,
  rollBackModule,
  showApproval,
  sweepOperations,
  withholdVersion,
} from '../../../shared/actions/operations/index.ts';
import { reverifyVersion } from '../../../shared/actions/reverify/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { setSensorMails, watchAccount } from '../../../shared/actions/upkeep/index.ts';
import type { Member } from '../../../shared/domain/accounts/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import type { Operation } from '../../../shared/domain/operations/index.ts';
import { getModule } from '../../../shared/store/modules/index.ts';
import { listWarnings } from '../../../shared/store/upkeep/index.ts';
import { apiAs } from '../../support/api.ts';
import { eventsOf, hoursLater } from '../../support/flow.ts';
import { mailsOf } from '../../support/mailbox.ts';
import {
  as,
  promote,
  raise,
  requirePending,
  stateOf,
  versionNow,
} from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type World } from '../../support/world.ts';

let rita: Member;
const key = authorKey();

it.beforeAll(async ({ world }) => {
  rita = await world.reviewer();
});

/** Versions 1.0.0, 1.1.0, … of a new module, built, with these additions to their manifests. */
async function built(
  world: World,
  name: string,
  manifests: readonly string[] = [''],
): Promise<[Version, ...Version[]]> {
  await world.register(name, key);
  const versions: Version[] = [];
  for (const [minor, manifest] of manifests.entries()) {
    const source = { name, files: { [`etc/${name}`]: `minor ${minor}` }, manifest };
    versions.push(await world.ingest(source, `v1.${minor}.0`, key));
  }

  return versions as [Version, ...Version[]];
}

/** A machine on track live of a template of its own, which has the module. */
async function used(world: World, name: string): Promise<string> {
  const { services, caller, account } = world;
  const { id } = await createTemplate(services, caller, { name: `with-${name}`, platform: 'any' });
  await createInstance(services, caller, { name: `${name}-1`, template_id: id, track: 'live' });

  const { operation } = await assignModule(services, caller, { template_id: id, module: name });
  expect((await world.operation(operation.id)).state).toBe('succeeded');
  const version = (await getModule(services.db, account, name))?.live_version_id;
  await eventually(`a composition with ${name}`, async () => {
    const uses = await usesOfModule(services, account, { module: name, tracks: ['live'] });
    return uses.find(({ version_id }) => version_id === version) ?? null;
  });

  return id;
}

describe('a promotion over several states', () => {
  it('is one operation, which a reviewer approves once', async ({ world }) => {
    const [version] = await built(world, 'leaping');
    expect(await promote(world, version, 'live', rita)).toMatchObject({
      state: 'succeeded',
      actions: ['module_promote_to_live'],
      summary: 'promote leaping 1.0.0 to live',
    });

    expect(await stateOf(world, version)).toBe('live');
    expect(await versionNow(world, version)).toMatchObject({
      approvals: [{ action: 'module_promote_to_live', reviewer: rita.email }],
    });
  });
});

describe('a version goes back', () => {
  it('from staging to built, and from retired to built', async ({ world }) => {
    const [version] = await built(world, 'returning');
    for (const to of ['staging', 'built', 'retired', 'built', 'staging'] as const) {
      expect(await promote(world, version, to)).toMatchObject({ state: 'succeeded' });
      expect(await stateOf(world, version)).toBe(to);
    }
  });
});

describe('a version that machines use and no other can replace', () => {
  it('is not retired; the refusal names templates and machines', async ({ world }) => {
    const [version] = await built(world, 'needed');
    await raise(world, version, 'live', rita);
    await used(world, 'needed');

    await expect(
      promoteVersion(world.services, world.caller, { id: version.id, to: 'retired' }),
    ).rejects.toMatchObject({
      code: 'in_use',
      message: expect.stringContaining('template with-needed (live, 1 machine)'),
    });
  });

  it('is withdrawn where it is asked for by name and a reviewer approves', async ({ world }) => {
    const [version] = await built(world, 'doomed');
    await raise(world, version, 'live', rita);
    const template_id = await used(world, 'doomed');

    const { services, caller, account } = world;
    const input = { id: version.id, to: 'retired', withdraw: true };
    const { id } = await promoteVersion(services, caller, input);
    const waiting = await world.operation(id, 'awaiting_approval');
    expect(waiting).toMatchObject({
      actions: ['module_withdraw'],
      summary: 'withdraw doomed 1.0.0',
    });

    expect((await getModule(services.db, account, 'doomed'))?.live_version_id).toBe(version.id);
    const decision = { id: requirePending(waiting), decision: 'approve', comment: null } as const;
    await decideApproval(services, as(rita), decision);
    expect((await world.operation(id)).state).toBe('succeeded');

    await eventually('the template without the module', async () => {
      const [module] = await readTemplateModules(services, account, template_id);
      return module?.module === `${account}/doomed` && module.version === null ? true : null;
    });
  });

  it('is retired once another version is live', async ({ world }) => {
    const [first, second] = await built(world, 'followed', ['', '']);
    if (second === undefined) throw new Error('expected two versions');
    await raise(world, first, 'live', rita);
    await used(world, 'followed');

    expect((await promote(world, second, 'live', rita)).state).toBe('succeeded');
    expect(await promote(world, first, 'retired')).toMatchObject({ state: 'succeeded' });
  });
});

describe('a rollback', () => {
  /** Two versions, of which the second is live. */
  async function replaced(world: World, name: string, manifest = ''): Promise<[Version, Version]> {
    const [first, second] = await built(world, name, [manifest, '']);
    if (second === undefined) throw new Error('expected two versions');
    await raise(world, first, 'live', rita);
    expect((await promote(world, second, 'live', rita)).state).toBe('succeeded');
    return [first, second];
  }

  const approve = (world: World, operation: Operation, decision: 'approve' | 'reject') =>
    decideApproval(world.services, as(rita), {
      id: requirePending(operation),
      decision,
      comment: null,
    });

  it('waits for a reviewer, then holds the bad version and machines get the previous one', async ({
    world,
  }) => {
    const [first, second] = await replaced(world, 'regretted');
    await used(world, 'regretted');
    const { services, caller } = world;

    const { id } = await rollBackModule(services, caller, {
      module: 'regretted',
      reason: 'it loses writes',
    });
    const waiting = await world.operation(id, 'awaiting_approval');
    expect(waiting.summary).toBe('roll regretted 1.1.0 back to 1.0.0');
    await approve(world, waiting, 'approve');

    expect(await world.operation(id)).toMatchObject({ state: 'succeeded' });
    expect(await versionNow(world, first)).toMatchObject({ promotion_state: 'live' });
    expect(await versionNow(world, second)).toMatchObject({
      promotion_state: 'blessed',
      held: true,
      withheld: { held: { reason: 'it loses writes' } },
    });

    await eventually('machines to get the previous version', async () => {
      const at = { module: 'regretted', tracks: ['live'] as const };
      const uses = await usesOfModule(services, world.account, at);
      return uses.find(({ version_id }) => version_id === first.id) ?? null;
    });

    const again = promoteVersion(services, caller, { id: second.id, to: 'live' });
    await expect(again).rejects.toMatchObject({ code: 'version_held' });

    const input = { kind: 'version_release', version_id: second.id, reason: 'fixed' } as const;
    const released = await withholdVersion(services, caller, input);
    expect(await world.operation(released.id)).toMatchObject({ state: 'succeeded' });
    expect(await versionNow(world, second)).toMatchObject({ held: false, withheld: {} });
  });

  it('by break-glass is applied first; a rejection afterwards moves nothing', async ({ world }) => {
    const { services, caller, account } = world;
    // Machines get a privilege by it that they lack now.
    const [first, second] = await replaced(world, 'urgent', 'security: { privileged: true }');
    await used(world, 'urgent');

    const { id, changes } = await rollBackModule(services, caller, {
      module: 'urgent',
      break_glass: true,
    });

    expect(await world.operation(id)).toMatchObject({ state: 'succeeded', approval_id: null });
    expect((await getModule(services.db, account, 'urgent'))?.live_version_id).toBe(first.id);

    const change = changes[0];
    if (change?.kind !== 'version_rollback' || change.review_id === null)
      throw new Error('expected a review');
    const now = () => new Date(Date.now() + 3600_000);
    await sweepOperations({ ...services, now });
    const review = await world.operation(change.review_id, 'awaiting_approval');
    const shown = await showApproval(services, account, requirePending(review));
    expect(shown.review.changes.map(({ kind }) => kind)).toEqual([
      'rollback_review',
      'module_assign_privileged',
    ]);
    await approve(world, review, 'reject');

    expect(await world.operation(review.id)).toMatchObject({ state: 'rejected' });
    expect([await stateOf(world, first), await stateOf(world, second)]).toEqual([
      'live',
      'blessed',
    ]);
    expect(await versionNow(world, second)).toMatchObject({ held: true });
  });

  it('has nowhere to go where no version was live before', async ({ world }) => {
    const [version] = await built(world, 'alone');
    const back = () => rollBackModule(world.services, world.caller, { module: 'alone' });
    await expect(back()).rejects.toMatchObject({ code: 'rollback_impossible' });

    await raise(world, version, 'live', rita);
    await expect(back()).rejects.toMatchObject({ code: 'rollback_impossible' });
  });
});

describe('a yanked version', () => {
  it('is quarantined until it is unyanked, although its signatures verify', async ({ world }) => {
    const [version] = await built(world, 'yankable');
    const { services, caller, account } = world;
    const request = async (kind: 'version_yank' | 'version_unyank') => {
      const input = { kind, version_id: version.id, reason: 'leaks a key' };
      const { id } = await withholdVersion(services, caller, input);
      expect(await world.operation(id)).toMatchObject({ state: 'succeeded' });
    };

    await request('version_yank');
    expect(await reverifyVersion(services, { account, version_id: version.id })).toBe('verified');
    expect(await versionNow(world, version)).toMatchObject({
      quarantined: true,
      withheld: { yanked: { reason: 'leaks a key', by: caller.actor } },
    });
    await expect(
      promoteVersion(services, caller, { id: version.id, to: 'staging' }),
    ).rejects.toMatchObject({ code: 'version_quarantined' });

    await request('version_unyank');
    expect(await versionNow(world, version)).toMatchObject({ quarantined: false, withheld: {} });
  });
});

describe('a version that nobody acts on in staging', () => {
  it('is warned of once a day, until somebody does', async ({ world }) => {
    const { services, account, caller } = world;
    const operator = await world.member('operator');
    const [version] = await built(world, 'forgotten');
    await promote(world, version, 'staging');

    const subject = `version/${version.id}`;
    const look = (hours: number) => watchAccount(hoursLater(services, hours), { account });
    const open = async () =>
      (await listWarnings(services.db, account)).filter((one) => one.subject === subject);
    const mailed = async () =>
      (await mailsOf(operator.email)).filter(({ text }) => text.includes('forgotten@1.0.0'));
    const raised = async () =>
      (await eventsOf(services, account, 'gantry.warning.raised')).filter(
        (event) => event.subject === subject,
      );

    await look(23);
    expect(await open()).toEqual([]);

    await Promise.all([look(25), look(25)]);
    await look(26);
    expect(await open()).toMatchObject([
      { sensor: 'module_promotion_sensor', mail_due_at: null, evidence: { suffices: false } },
    ]);
    expect([(await raised()).length, (await mailed()).length]).toEqual([1, 1]);

    const { call } = apiAs(world.token);
    const [module, versions, warnings] = await Promise.all([
      call('GET', '/modules/forgotten'),
      call('GET', '/modules/forgotten/versions'),
      call('GET', '/warnings?module=forgotten&sensor=module_promotion_sensor'),
    ]);
    for (const { body } of [module, versions, warnings])
      expect(body.warnings).toContainEqual(expect.objectContaining({ subject }));

    await look(50);
    expect([(await raised()).length, (await mailed()).length]).toEqual([2, 2]);

    const off = { sensor: 'module_promotion_sensor', mails: false } as const;
    expect(await setSensorMails(services, caller, off)).toMatchObject({ mails: false });
    await look(75);
    expect([(await raised()).length, (await mailed()).length]).toEqual([3, 2]);
    await setSensorMails(services, caller, { ...off, mails: true });

    await promote(world, version, 'blessed');
    await look(100);
    expect(await open()).toEqual([]);
    const cleared = await eventsOf(services, account, 'gantry.warning.cleared');
    expect(cleared.filter((event) => event.subject === subject)).toHaveLength(1);
  });

  it('is mailed by the next run if the one that warned died before', async ({ world }) => {
    const { services, account } = world;
    const operator = await world.member('operator');
    const [version] = await built(world, 'unmailed');
    await promote(world, version, 'staging');

    const broken = hoursLater(services, 25);
    const dead = { ...broken.aws.ses, send: () => Promise.reject(new Error('dead')) };
    const aws = { ...broken.aws, ses: dead as unknown as typeof broken.aws.ses };
    await watchAccount({ ...broken, aws }, { account });

    const mailed = async () =>
      (await mailsOf(operator.email)).filter(({ text }) => text.includes('unmailed@1.0.0'));
    await watchAccount(hoursLater(services, 25.4), { account });
    expect(await mailed()).toEqual([]);

    await Promise.all(
      [25.6, 25.6].map((at) => watchAccount(hoursLater(services, at), { account })),
    );
    await watchAccount(hoursLater(services, 27), { account });
    expect(await mailed()).toHaveLength(1);
  });
});
