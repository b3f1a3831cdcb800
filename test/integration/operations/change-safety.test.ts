import { describe, expect } from 'vitest';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import {
  assignModule,
  decideApproval,
  promoteVersion,
} from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import type { Member } from '../../../shared/domain/accounts/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import {
  defaultPolicy,
  type InterventionPolicy,
  type Operation,
  type StoredPolicy,
} from '../../../shared/domain/operations/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import { getPolicy, putPolicy } from '../../../shared/store/operations/index.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { listAssignments } from '../../../shared/store/templates/index.ts';
import { as, policy, promote, requirePending, stateOf } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, type World } from '../../support/world.ts';

let rita: Member;
const key = authorKey();
let names = 0;

it.beforeAll(async ({ world }) => {
  rita = await world.reviewer();
});

/** A template that has a machine on the staging track. */
async function staged(world: World): Promise<Template> {
  names += 1;
  const template = await createTemplate(world.services, world.caller, {
    name: `template-${names}`,
    platform: 'any',
  });

  const instance = {
    name: `instance-${names}`,
    template_id: template.id,
    track: 'staging',
  } as const;

  await createInstance(world.services, world.caller, instance);
  return template;
}

/** A version that protects /etc/shared, as every other one of these does. */
async function protecting(world: World, name: string): Promise<Version> {
  await world.register(name, key);
  const manifest = 'protected_spec: ["/etc/shared"]';
  return world.ingest({ name, files: { 'etc/shared': name }, manifest }, 'v1.0.0', key);
}

async function assign(world: World, template: Template, module: string): Promise<Operation> {
  const { operation } = await assignModule(world.services, world.caller, {
    template_id: template.id,
    module,
  });
  return operation;
}

async function assigned(world: World, template: Template): Promise<string[]> {
  const rows = await listAssignments(world.services.db, world.account, template.id);
  return rows.map(({ module }) => module);
}

it('a policy that changed after it was read is not overwritten', async ({ world }) => {
  const { services, account } = world;
  const was = defaultPolicy('module_retire');
  const put = (next: InterventionPolicy, read: StoredPolicy | null) =>
    transact(services.db, [putPolicy(account, next, read)]);

  await put({ ...was, decision: 'deny' }, null);
  const present = await getPolicy(services.db, account, 'module_retire');
  if (present === null) throw new Error('expected the policy');

  await put({ ...was, decision: 'deny', quorum: 3 }, present);
  for (const stale of [null, present, { ...present, revision: 3 }]) {
    await expect(put(was, stale)).rejects.toMatchObject({ code: 'conflict' });
  }

  expect((await getPolicy(services.db, account, 'module_retire'))?.decision).toBe('deny');
});

const conflict = { state: 'failed', code: 'composition_protected_conflict' };

describe('changes that are fine alone and conflict together', () => {
  it('cannot both be assigned concurrently: one wins, the other says what it conflicts with', async ({
    world,
  }) => {
    const versions = await Promise.all([protecting(world, 'left'), protecting(world, 'right')]);
    await Promise.all(versions.map((version) => promote(world, version, 'staging')));

    const template = await staged(world);
    const asked = await Promise.all(
      ['left', 'right'].map((module) => assign(world, template, module)),
    );
    const ended = await Promise.all(asked.map(({ id }) => world.operation(id)));

    expect(ended.map(({ state }) => state).sort()).toEqual(['failed', 'succeeded']);
    const lost = ended.find(({ state }) => state === 'failed');

    expect(lost).toMatchObject(conflict);
    for (const fact of [template.id, '/etc/shared', 'left', 'right'])
      expect(lost?.message).toContain(fact);
    expect(await assigned(world, template)).toHaveLength(1);
  });

  it('cannot both be promoted concurrently', async ({ world }) => {
    const versions = await Promise.all([protecting(world, 'one'), protecting(world, 'two')]);
    const template = await staged(world);
    for (const module of ['one', 'two'])
      await world.operation((await assign(world, template, module)).id, 'succeeded');
    const asked = await Promise.all(
      versions.map(({ id }) => promoteVersion(world.services, world.caller, { id, to: 'staging' })),
    );
    const ended = await Promise.all(asked.map(({ id }) => world.operation(id)));

    expect(ended.map(({ state }) => state).sort()).toEqual(['failed', 'succeeded']);
    expect(ended.find(({ state }) => state === 'failed')).toMatchObject(conflict);

    const states = await Promise.all(versions.map((version) => stateOf(world, version)));
    expect(states.sort()).toEqual(['built', 'staging']);
  });

  it('are checked again after the approval: what was approved fails with the reason and changes nothing', async ({
    world,
  }) => {
    const versions = await Promise.all([protecting(world, 'early'), protecting(world, 'late')]);
    await Promise.all(versions.map((version) => promote(world, version, 'staging')));

    const template = await staged(world);
    await policy(world, 'assignment_change', { decision: 'require_approval' });

    const waiting = await world.operation(
      (await assign(world, template, 'early')).id,
      'awaiting_approval',
    );
    await policy(world, 'assignment_change', {});
    await world.operation((await assign(world, template, 'late')).id, 'succeeded');

    const approval = { id: requirePending(waiting), decision: 'approve', comment: null } as const;
    await decideApproval(world.services, as(rita), approval);

    const ended = await world.operation(waiting.id);
    expect(ended).toMatchObject(conflict);
    for (const fact of [template.id, '/etc/shared', 'early', 'late'])
      expect(ended.message).toContain(fact);
    expect(await assigned(world, template)).toEqual([`${world.account}/late`]);
  });
});
