import { describe, expect } from 'vitest';
import {
  assignModule,
  decideApproval,
  promoteVersion,
  runOperationStep,
  showApproval,
} from '../../../shared/actions/operations/index.ts';
import { createTemplate, deleteTemplate } from '../../../shared/actions/templates/index.ts';
import type { Member } from '../../../shared/domain/accounts/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import type { Operation } from '../../../shared/domain/operations/index.ts';
import { getModule } from '../../../shared/store/modules/index.ts';
import { recentOperations } from '../../../shared/store/operations/index.ts';
import { listAssignments } from '../../../shared/store/templates/index.ts';
import { mailsTo } from '../../support/mailbox.ts';
import {
  as,
  policy,
  promote,
  raise,
  requirePending,
  stateOf,
  versionNow,
} from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

let rita: Member;
const key = authorKey();

it.beforeAll(async ({ world }) => {
  rita = await world.reviewer();
});

/** Versions 1.0.0, 1.1.0, … of a new module, built. */
async function built(
  world: World,
  name: string,
  count = 1,
  manifest = '',
): Promise<[Version, ...Version[]]> {
  await world.register(name, key);
  const digests: string[] = [];

  for (let minor = 0; minor < count; minor++) {
    const source = { name, files: { [`etc/${name}`]: `minor ${minor}` }, manifest };
    digests.push(await world.publish(source, `v1.${minor}.0`, key));
  }

  await world.poll(name);
  const versions = await Promise.all(
    digests.map((digest) => eventually(`${name} to be built`, () => world.version(name, digest))),
  );

  return versions as [Version, ...Version[]];
}

async function live(world: World, name: string): Promise<string | null | undefined> {
  return (await getModule(world.services.db, world.account, name))?.live_version_id;
}

describe('a promotion', () => {
  it('from a state that does not lead there is refused, and nothing is recorded', async ({
    world,
  }) => {
    const [version] = await built(world, 'eager');
    for (const to of ['built', 'nowhere']) {
      await expect(
        promoteVersion(world.services, world.caller, { id: version.id, to }),
      ).rejects.toMatchObject({
        code: 'promotion_state_invalid',
        field: 'to',
        message: expect.stringContaining(
          'eager 1.0.0 is built: expected a promotion to staging or blessed or live or retired',
        ),
      });
    }

    expect(await recentOperations(world.services.db, world.account, 10)).toEqual([]);
    expect(await stateOf(world, version)).toBe('built');
  });

  it('reaches staging and blessed without approval, live with it; the previous live version is superseded', async ({
    world,
  }) => {
    const [first, second] = await built(world, 'steps', 2);
    if (second === undefined) throw new Error('expected two versions');

    await Promise.all([raise(world, first, 'live', rita), raise(world, second, 'blessed')]);
    expect(await versionNow(world, first)).toMatchObject({
      promotion_state: 'live',
      was_live: true,
      approvals: [{ action: 'module_promote_to_live', reviewer: rita.email }],
    });

    expect((await promote(world, second, 'live', rita)).state).toBe('succeeded');
    expect([await stateOf(world, first), await stateOf(world, second)]).toEqual([
      'blessed',
      'live',
    ]);
    expect(await live(world, 'steps')).toBe(second.id);

    expect((await promote(world, second, 'retired')).state).toBe('succeeded');
    expect([await stateOf(world, second), await live(world, 'steps')]).toEqual(['retired', null]);

    await expect(
      promoteVersion(world.services, world.caller, { id: second.id, to: 'live' }),
    ).rejects.toMatchObject({
      code: 'promotion_state_invalid',
      message: expect.stringContaining('expected a promotion to built'),
    });
  });

  it('to live races another: one wins, the other fails with operation_raced, and one version is live', async ({
    world,
  }) => {
    const [first, second] = await built(world, 'racing', 2);
    if (second === undefined) throw new Error('expected two versions');

    const both = [first, second];
    await Promise.all(both.map((version) => raise(world, version, 'blessed')));

    const asked = await Promise.all(
      both.map(({ id }) => promoteVersion(world.services, world.caller, { id, to: 'live' })),
    );
    const waiting = await Promise.all(
      asked.map(({ id }) => world.operation(id, 'awaiting_approval')),
    );

    await Promise.all(
      waiting.map((operation) => {
        const id = requirePending(operation);
        return decideApproval(world.services, as(rita), { id, decision: 'approve', comment: null });
      }),
    );

    const ended = await Promise.all(asked.map(({ id }) => world.operation(id)));
    expect(ended.map(({ state }) => state).sort()).toEqual(['failed', 'succeeded']);

    const loser = ended.find(({ state }) => state === 'failed');
    expect(loser).toMatchObject({
      code: 'operation_raced',
      message: expect.stringContaining('another promotion'),
    });

    const states = await Promise.all(both.map((version) => stateOf(world, version)));
    expect(states.sort()).toEqual(['blessed', 'live']);

    const winner = both.find((_, index) => ended[index]?.state === 'succeeded');
    expect(await live(world, 'racing')).toBe(winner?.id);
  });

  it('to live that was requested before another went live fails, and the other stays live', async ({
    world,
  }) => {
    const [first, second] = await built(world, 'overtaken', 2);
    if (second === undefined) throw new Error('expected two versions');

    const approvals: (() => Promise<Operation>)[] = [];
    for (const version of [first, second]) {
      await raise(world, version, 'blessed');
      const { id } = await promoteVersion(world.services, world.caller, {
        id: version.id,
        to: 'live',
      });
      const approval = requirePending(await world.operation(id, 'awaiting_approval'));
      const decision = { id: approval, decision: 'approve', comment: null } as const;

      approvals.push(async () => {
        await decideApproval(world.services, as(rita), decision);
        return world.operation(id);
      });
    }

    const [one, two] = [await approvals[0]?.(), await approvals[1]?.()];
    expect([one?.state, two?.state, two?.code]).toEqual(['succeeded', 'failed', 'operation_raced']);
    expect(await live(world, 'overtaken')).toBe(first.id);
    expect(await stateOf(world, second)).toBe('blessed');
  });

  it('of one version that is requested twice concurrently is one request', async ({ world }) => {
    const [version] = await built(world, 'twice');
    const asked = await Promise.all(
      [1, 2].map(() =>
        promoteVersion(world.services, world.caller, { id: version.id, to: 'staging' }),
      ),
    );

    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    expect(await world.operation(asked[0]?.id ?? '')).toMatchObject({ state: 'succeeded' });
    expect(await stateOf(world, version)).toBe('staging');
  });

  it('that a composition forbids fails, and says which template and why', async ({ world }) => {
    const protects = 'protected_spec: ["/etc/shared"]';
    const [[ours], [theirs]] = await Promise.all([
      builtSharing(world, 'ours', protects),
      builtSharing(world, 'theirs', protects),
    ]);

    await raise(world, ours, 'live', rita);
    const template = await createTemplate(world.services, world.caller, {
      name: 'both',
      platform: 'any',
    });

    for (const module of ['ours', 'theirs']) {
      const { operation } = await assignModule(world.services, world.caller, {
        template_id: template.id,
        module,
      });
      expect(await world.operation(operation.id)).toMatchObject({
        state: 'succeeded',
        message: null,
      });
    }

    await raise(world, theirs, 'blessed');
    const blocked = await promote(world, theirs, 'live', rita);

    expect(blocked).toMatchObject({ state: 'failed', code: 'composition_protected_conflict' });
    for (const fact of [
      template.id,
      'live',
      `${world.account}/ours`,
      `${world.account}/theirs`,
      '/etc/shared',
    ]) {
      expect(blocked.message).toContain(fact);
    }

    expect(await stateOf(world, theirs)).toBe('blessed');
  });
});

async function builtSharing(world: World, name: string, manifest: string): Promise<[Version]> {
  await world.register(name, key);
  return [await world.ingest({ name, files: { 'etc/shared': name }, manifest }, 'v1.0.0', key)];
}

describe('a policy', () => {
  it('of allow lets a version go live without approval, one of deny refuses it with its reason', async ({
    world,
  }) => {
    const [version] = await built(world, 'governed');
    await policy(world, 'module_promote_to_live', { decision: 'allow' });
    await policy(world, 'module_retire', { decision: 'deny' });

    const before = (await mailsTo(rita.email)).length;
    await raise(world, version, 'live');
    expect((await mailsTo(rita.email)).length).toBe(before);

    expect(await promote(world, version, 'retired')).toMatchObject({
      state: 'refused',
      code: 'policy_denied',
      message: 'the policy of module_retire denies: retire governed 1.0.0',
    });

    expect(await stateOf(world, version)).toBe('live');
  });

  it('holds for any action: an assignment waits for approval as a promotion does', async ({
    world,
  }) => {
    await policy(world, 'assignment_change', { decision: 'require_approval' });
    await world.register('assigned', key);

    const template = await createTemplate(world.services, world.caller, {
      name: 'asks',
      platform: 'any',
    });
    const input = { template_id: template.id, module: 'assigned' };
    const { operation, assignment_id } = await assignModule(world.services, world.caller, input);
    const waiting = await world.operation(operation.id, 'awaiting_approval');
    const rows = () => listAssignments(world.services.db, world.account, template.id);

    expect(await rows()).toEqual([]);
    const id = requirePending(waiting);

    await decideApproval(world.services, as(rita), { id, decision: 'approve', comment: null });
    expect((await world.operation(operation.id)).state).toBe('succeeded');
    expect(await rows()).toMatchObject([
      { id: assignment_id, module: `${world.account}/assigned` },
    ]);
  });

  it('says when a soak or a freeze ends, and which attestations are missing', async ({ world }) => {
    const [version] = await built(world, 'gated');
    const action = 'module_promote_to_staging';
    const day = { from: '00:00', to: '12:00', time_zone: 'UTC' };

    await policy(world, action, { min_soak_s: 3600 });
    const soaks = await promote(world, version, 'staging');
    const ends = Date.parse((await versionNow(world, version)).state_changed_at) + 3_600_000;
    expect(soaks).toMatchObject({ state: 'refused', code: 'soak_unfinished' });
    expect(soaks.message).toContain(`request it again at ${new Date(ends).toISOString()}`);

    await policy(world, action, { required_attestations: ['https://cyclonedx.org/bom'] });
    const lacks = await promote(world, version, 'staging');
    expect(lacks).toMatchObject({ state: 'refused', code: 'attestation_missing' });
    expect(lacks.message).toContain('https://cyclonedx.org/bom, found none');

    await policy(world, action, { freeze_windows: [day, { ...day, from: '12:00', to: '00:00' }] });
    const frozen = await promote(world, version, 'staging');
    expect(frozen).toMatchObject({ state: 'refused', code: 'frozen' });
    expect(frozen.message).toContain('until an admin changes the policy');

    await policy(world, action, {});
    expect((await promote(world, version, 'staging')).state).toBe('succeeded');
  });

  it('whose freeze begins while a request waits keeps the request until it ends', async ({
    world,
  }) => {
    const [version] = await built(world, 'cold');
    const action = 'module_promote_to_blessed';
    const asks = { decision: 'require_approval' } as const;
    await policy(world, action, asks);

    const { id } = await promoteVersion(world.services, world.caller, {
      id: version.id,
      to: 'blessed',
    });
    const approval = requirePending(await world.operation(id, 'awaiting_approval'));
    const year = { from: '2026-01-01 00:00', to: '2099-01-01 00:00', time_zone: 'UTC' };
    await policy(world, action, { ...asks, freeze_windows: [year] });

    const approve = () =>
      decideApproval(world.services, as(rita), {
        id: approval,
        decision: 'approve',
        comment: null,
      });
    await expect(approve()).rejects.toMatchObject({
      code: 'frozen',
      message: expect.stringContaining('until 2099-01-01T00:00:00.000Z'),
    });

    expect((await showApproval(world.services, world.account, approval)).review.warnings).toEqual([
      'A freeze is in force. This can be rejected now, and approved after 2099-01-01T00:00:00.000Z.',
    ]);

    // The first step of another execution, after the first one died.
    const step = { step: 'check', account: world.account, operation_id: id } as const;
    expect(await runOperationStep(world.services, step)).toMatchObject({
      decision: 'require_approval',
    });

    await policy(world, action, asks);
    expect((await approve()).state).toBe('approved');
    expect((await world.operation(id)).state).toBe('succeeded');
  });

  it('of a group lets only reviewers in it decide, and mails only them', async ({ world }) => {
    const safe = await world.reviewer(['security']);
    const [version] = await built(world, 'guarded');
    await policy(world, 'module_promote_to_blessed', {
      decision: 'require_approval',
      reviewer_groups: ['security'],
    });

    const before = (await mailsTo(rita.email)).length;
    const { id } = await promoteVersion(world.services, world.caller, {
      id: version.id,
      to: 'blessed',
    });
    const approval = requirePending(await world.operation(id, 'awaiting_approval'));
    const decide = (by: Member) =>
      decideApproval(world.services, as(by), { id: approval, decision: 'approve', comment: null });

    await expect(decide(rita)).rejects.toMatchObject({
      code: 'forbidden',
      message: expect.stringContaining('expected a reviewer in security, found one in no group'),
    });
    expect((await decide(safe)).state).toBe('approved');
    expect((await world.operation(id)).state).toBe('succeeded');
    expect((await mailsTo(rita.email)).length).toBe(before);
    expect((await mailsTo(safe.email)).some((text) => text.includes(approval))).toBe(true);
    await policy(world, 'module_promote_to_blessed', {});
  });

  it('leaves a request whose template is gone to be shown and rejected', async ({ world }) => {
    await policy(world, 'assignment_change', { decision: 'require_approval' });
    await world.register('homeless', key);
    const { services, caller } = world;
    const template = await createTemplate(services, caller, { name: 'gone', platform: 'any' });
    const input = { template_id: template.id, module: 'homeless' };
    const { operation } = await assignModule(services, caller, input);
    const id = requirePending(await world.operation(operation.id, 'awaiting_approval'));

    await deleteTemplate(services, caller, template.id);
    const { review } = await showApproval(services, world.account, id);
    expect(review.warnings).toEqual([expect.stringContaining('cannot be shown')]);
    expect(review.changes[0]?.warnings).toEqual([expect.stringContaining('cannot be shown')]);

    await decideApproval(services, as(rita), { id, decision: 'reject', comment: null });
    expect((await world.operation(operation.id)).state).toBe('rejected');
  });

  it('that asks for approval refuses where there are too few reviewers, and says how many it needs', async ({
    registry,
  }) => {
    const lonely = await World.create(registry.host);
    await policy(lonely, 'assignment_change', { decision: 'require_approval', quorum: 2 });
    await lonely.reviewer();
    await lonely.register('assigned', key);

    const template = await createTemplate(lonely.services, lonely.caller, {
      name: 'asks',
      platform: 'any',
    });
    const input = { template_id: template.id, module: 'assigned' };
    const { operation } = await assignModule(lonely.services, lonely.caller, input);
    const refused = await lonely.operation(operation.id);

    expect([refused.state, refused.code]).toEqual(['refused', 'approval_required']);
    expect(refused.message).toContain('needs 2 approvals: expected 2 reviewers');
    expect(refused.message).toContain('found 1');
    await lonely.close();
  });
});
