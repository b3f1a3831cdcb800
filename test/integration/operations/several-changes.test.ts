import { describe, expect } from 'vitest';
import {
  additionOf,
  decideApproval,
  promotionOf,
  requestChanges,
} from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { replaceAssignmentsAnswer } from '../../../shared/contract/templates/index.ts';
import type { Member } from '../../../shared/domain/accounts/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import type { Change } from '../../../shared/domain/operations/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import { recentOperations } from '../../../shared/store/operations/index.ts';
import { getTemplate, listAssignments } from '../../../shared/store/templates/index.ts';
import { apiAs } from '../../support/api.ts';
import { as, promote, requirePending, stateOf } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, type World } from '../../support/world.ts';

let rita: Member;
const key = authorKey();

it.beforeAll(async ({ world }) => {
  rita = await world.reviewer();
});

async function blessed(world: World, name: string): Promise<Version> {
  await world.register(name, key);
  const files = { [`etc/${name}`]: name };
  const version = await world.ingest({ name, files }, 'v1.0.0', key);

  await promote(world, version, 'staging');
  await promote(world, version, 'blessed');
  return version;
}

const template = (world: World, name: string) =>
  createTemplate(world.services, world.caller, { name, platform: 'any' });

const addition = (world: World, { id }: Template, module: string) =>
  additionOf(world.services, world.account, { template_id: id, module });

const request = (world: World, changes: Change[]) =>
  requestChanges(world.services, world.caller, changes);

async function assignedTo(world: World, { id }: Template): Promise<string[]> {
  const rows = await listAssignments(world.services.db, world.account, id);
  return rows.map(({ module }) => module.slice(world.account.length + 1)).sort();
}

describe('several changes in one operation', () => {
  it('are applied together, and the template changes once', async ({ world }) => {
    await world.register('one', key);
    await world.register('two', key);

    const web = await template(world, 'both');
    const revision = async () =>
      (await getTemplate(world.services.db, world.account, web.id))?.revision ?? 0;
    const before = await revision();
    const { id, summary } = await request(world, [
      await addition(world, web, 'one'),
      await addition(world, web, 'two'),
    ]);

    expect(summary).toBe('assign one to template both, assign two to template both');

    expect(await world.operation(id)).toMatchObject({
      state: 'succeeded',
      actions: ['assignment_change'],
      changes: [{ kind: 'assignment_add' }, { kind: 'assignment_add' }],
    });

    expect(await assignedTo(world, web)).toEqual(['one', 'two']);
    expect(await revision()).toBe(before + 1);
  });

  it('wait for one approval where the policy of one of them asks for it', async ({ world }) => {
    const version = await blessed(world, 'asks');
    const web = await template(world, 'strict');
    const promotion = await promotionOf(world.services, world.account, {
      version_id: version.id,
      to: 'live',
    });
    const { id } = await request(world, [await addition(world, web, 'asks'), promotion]);

    const waiting = await world.operation(id, 'awaiting_approval');
    expect(waiting.actions).toEqual(['assignment_change', 'module_promote_to_live']);
    expect(await assignedTo(world, web)).toEqual([]);

    const approval = requirePending(waiting);
    await decideApproval(world.services, as(rita), {
      id: approval,
      decision: 'approve',
      comment: null,
    });

    expect(await world.operation(id)).toMatchObject({ state: 'succeeded', code: null });
    expect(await assignedTo(world, web)).toEqual(['asks']);
    expect(await stateOf(world, version)).toBe('live');
  });

  it('are all refused where one of them is', async ({ world }) => {
    await world.register('old', key);
    await world.register('new', key);

    const web = await template(world, 'refused');
    await world.operation(
      (await request(world, [await addition(world, web, 'old')])).id,
      'succeeded',
    );

    const { id } = await request(world, [
      await addition(world, web, 'new'),
      await addition(world, web, 'old'),
    ]);
    expect(await world.operation(id)).toMatchObject({ state: 'refused', code: 'already_exists' });
    expect(await assignedTo(world, web)).toEqual(['old']);
  });

  it('are refused before anything is recorded where no transaction could take them', async ({
    world,
  }) => {
    await world.register('many', key);
    const web = await template(world, 'crowded');
    const recorded = async () =>
      (await recentOperations(world.services.db, world.account, 100)).length;
    const before = await recorded();

    await expect(request(world, [])).rejects.toMatchObject({ code: 'invalid_request' });
    const same = [await addition(world, web, 'many'), await addition(world, web, 'many')];

    await expect(request(world, same)).rejects.toMatchObject({ code: 'invalid_request' });
    const wide = await Promise.all(
      Array.from({ length: 34 }, async (_, i) =>
        addition(world, await template(world, `wide-${i}`), 'many'),
      ),
    );

    await expect(request(world, wide)).rejects.toMatchObject({ code: 'change_too_wide' });
    expect(await recorded()).toBe(before);
  });
});

describe('a list of assignments', () => {
  it('is reached by one operation, and asks for nothing where it is reached', async ({ world }) => {
    for (const name of ['kept', 'gone', 'fresh']) await world.register(name, key);
    const web = await template(world, 'listed');
    const { call } = apiAs(world.token);
    const put = async (...assignments: object[]) => {
      const path = `/templates/${web.id}/assignments`;
      const { body } = await call('PUT', path, { assignments });
      return replaceAssignmentsAnswer.parse(body).operation;
    };
    const done = async (operation: { id: string } | null) =>
      world.operation(operation?.id ?? '', 'succeeded');

    await done(await put({ module: 'kept' }, { module: 'gone' }));
    const list = [{ module: 'kept', metadata: { a: 1 } }, { module: 'fresh' }];
    const { changes } = await done(await put(...list));

    expect(changes.map(({ kind }) => kind)).toEqual([
      'assignment_remove',
      'assignment_update',
      'assignment_add',
    ]);
    expect(await assignedTo(world, web)).toEqual(['fresh', 'kept']);
    expect(await put(...list)).toBeNull();
  });
});
