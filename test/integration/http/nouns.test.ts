import { describe, expect } from 'vitest';
import { deleteCategory, updateCategory } from '../../../shared/actions/accounts/index.ts';
import type { Services } from '../../../shared/actions/context/index.ts';
import { decommissionInstance } from '../../../shared/actions/machines/index.ts';
import { deleteTemplate } from '../../../shared/actions/templates/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { newDependency } from '../../../shared/domain/compose/index.ts';
import { listCandidates } from '../../../shared/store/candidates/index.ts';
import { listDependencies, putDependency } from '../../../shared/store/compose/index.ts';
import { getRepository, listTags } from '../../../shared/store/poll/index.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { apiAs } from '../../support/api.ts';
import { policy } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

const key = authorKey();
const files = { 'etc/noun.conf': 'one\n' };

/** Requests a change of a module's registration, and waits until it is applied. */
async function patchModule(world: World, name: string, body: object) {
  const { call } = apiAs(world.token);
  const asked = await call('PATCH', `/modules/${name}`, body);
  expect(asked).toMatchObject({ status: 202 });
  return world.operation(asked.body.operation.id);
}

async function moduleNames(world: World, query = ''): Promise<string[]> {
  const { body } = await apiAs(world.token).call('GET', `/modules${query}`);
  return body.modules.map(({ name }: { name: string }) => name);
}

describe('a module that never had a version', () => {
  it('gets another repository without a reviewer', async ({ world }) => {
    await world.register('mistyped', key, { repository: world.repository('mistypde') });
    const repository = world.repository('mistyped');
    expect(await patchModule(world, 'mistyped', { repository })).toMatchObject({
      state: 'succeeded',
      actions: ['module_change'],
    });
  });

  it('is deleted with what its polls found, and its name is free', async ({ world }) => {
    const { call } = apiAs(world.token);
    await world.register('typo', key);
    await world.push(await world.build({ name: 'typo', files }), 'typo', 'v1.0.0');
    await world.poll('typo');
    await eventually('a candidate of typo', async () => {
      const found = await listCandidates(world.services.db, world.account, 'typo');
      return found.length > 0 ? found : null;
    });

    expect(await call('DELETE', '/modules/typo')).toMatchObject({ status: 204 });
    expect(await moduleNames(world)).not.toContain('typo');
    const { db } = world.services;
    expect(await getRepository(db, world.account, 'typo')).toBeNull();
    expect(await listTags(db, world.account, 'typo')).toEqual([]);
    expect(await listCandidates(db, world.account, 'typo')).toEqual([]);

    await world.register('typo', key);
    expect(await call('DELETE', '/modules/typo')).toMatchObject({ status: 204 });
    expect(await call('DELETE', '/modules/typo')).toMatchObject({ status: 404 });
  });

  it('is not deleted while a template or a config module needs it', async ({ world }) => {
    const { call, refused } = apiAs(world.token);
    await world.register('needed', key);
    await world.register('needed-config', key, { variety: 'config', parent_module: 'needed' });
    expect(await refused('DELETE', '/modules/needed')).toMatchObject({
      code: 'in_use',
      found: ['needed-config'],
    });
    await call('DELETE', '/modules/needed-config');

    const made = await call('POST', '/templates', { name: 'needy', platform: 'any' });
    const path = `/templates/${made.body.template.id}/assignments`;
    const { body } = await call('POST', path, { module: 'needed' });
    await world.operation(body.operation.id, 'succeeded');
    expect(await refused('DELETE', '/modules/needed')).toMatchObject({
      code: 'in_use',
      found: ['needy'],
    });
  });
});

describe('a module with versions', () => {
  it('is archived: not polled, not listed, not assigned; and comes back', async ({ world }) => {
    const { call, refused } = apiAs(world.token);
    await world.register('old', key);
    const version = await world.ingest({ name: 'old', files }, 'v1.0.0', key);
    expect(await refused('DELETE', '/modules/old')).toMatchObject({ code: 'in_use' });

    const made = await call('POST', '/templates', { name: 'ageing', platform: 'any' });
    const assignments = `/templates/${made.body.template.id}/assignments`;
    const assigned = await call('POST', assignments, { module: 'old' });
    await world.operation(assigned.body.operation.id, 'succeeded');
    expect(await refused('PATCH', '/modules/old', { archived: true })).toMatchObject({
      code: 'in_use',
      found: ['ageing'],
    });

    const path = `/system/node_module_assignments/${assigned.body.assignment.id}`;
    const removed = await call('DELETE', path);
    await world.operation(removed.body.operation.id, 'succeeded');
    expect(await patchModule(world, 'old', { archived: true })).toMatchObject({
      state: 'succeeded',
      summary: 'archive old',
    });

    expect(await moduleNames(world)).not.toContain('old');
    expect(await moduleNames(world, '?archived=true')).toEqual(['old']);
    expect(await refused('POST', '/modules/old/poll')).toMatchObject({ code: 'module_archived' });
    expect(await call('GET', `/versions/${version.id}`)).toMatchObject({ status: 200 });
    expect(await call('GET', '/modules/old')).toMatchObject({
      body: { module: { archived: true }, poll: null },
    });

    const refusedLater = await call('POST', assignments, { module: 'old' });
    expect(await world.operation(refusedLater.body.operation.id)).toMatchObject({
      code: 'module_archived',
    });

    await patchModule(world, 'old', { archived: false });
    expect(await moduleNames(world)).toContain('old');
    await world.ingest({ name: 'old', files: { 'etc/noun.conf': 'two\n' } }, 'v1.1.0', key);
  });
});

/** The same services a while later, when the indexes show everything. */
function settled(services: Services): Services {
  const after = (limits.indexSettleSeconds + 1) * 1000;
  return { ...services, now: () => new Date(Date.now() + after) };
}

describe('a template', () => {
  it('is renamed without a change for its machines, to a free name', async ({ world }) => {
    const { call, refused } = apiAs(world.token);
    const made = await call('POST', '/templates', { name: 'blue', platform: 'any' });
    await call('POST', '/templates', { name: 'green', platform: 'any' });
    const path = `/templates/${made.body.template.id}`;

    expect(await refused('PATCH', path, { name: 'green' })).toMatchObject({
      code: 'already_exists',
    });
    expect(await call('PATCH', path, { name: 'red' })).toMatchObject({
      status: 200,
      body: { template: { name: 'red', revision: made.body.template.revision } },
    });
    expect(await call('POST', '/templates', { name: 'blue', platform: 'any' })).toMatchObject({
      status: 201,
    });
  });

  it('is deleted once it has no assignments and no machines', async ({ world }) => {
    const { services, caller } = world;
    const { call, refused } = apiAs(world.token);
    const made = await call('POST', '/templates', { name: 'doomed', platform: 'any' });
    const { id } = made.body.template;
    const path = `/templates/${id}`;

    await world.register('doomed-module', key);
    const assigned = await call('POST', `${path}/assignments`, { module: 'doomed-module' });
    await world.operation(assigned.body.operation.id, 'succeeded');
    expect(await refused('DELETE', path)).toMatchObject({ code: 'in_use' });
    const assignment = `/system/node_module_assignments/${assigned.body.assignment.id}`;
    const removed = await call('DELETE', assignment);
    await world.operation(removed.body.operation.id, 'succeeded');

    const machine = { name: 'doomed-1', template_id: id };
    const created = await call('POST', '/instances', machine);
    expect(await refused('DELETE', path)).toMatchObject({ code: 'in_use', found: ['doomed-1'] });
    await decommissionInstance(services, caller, created.body.instance.id);

    // An index may still lack the newest machine.
    expect(await refused('DELETE', path)).toMatchObject({ code: 'in_use', found: [] });
    const track = 'live' as const;
    const pin = { account: world.account, template_id: id, track, module: 'other/proxy' };
    const row = newDependency(pin, new Date().toISOString());
    await transact(services.db, [putDependency(row)]);

    await deleteTemplate(settled(services), caller, id);
    expect(await listDependencies(services.db, world.account, id)).toEqual([]);
    expect(await call('GET', path)).toMatchObject({ status: 404 });
    expect(await refused('POST', '/instances', machine)).toMatchObject({ code: 'not_found' });
    expect(await call('POST', '/templates', { name: 'doomed', platform: 'any' })).toMatchObject({
      status: 201,
    });
  });
});

describe('an instance', () => {
  it('is renamed, and its old name is free', async ({ world }) => {
    const { call } = apiAs(world.token);
    const made = await call('POST', '/templates', { name: 'racks', platform: 'any' });
    const machine = { name: 'rack-1', template_id: made.body.template.id };
    const { body } = await call('POST', '/instances', machine);
    const path = `/instances/${body.instance.id}`;

    const renamed = await call('PATCH', path, { name: 'rack-2' });
    expect(await world.operation(renamed.body.operation.id)).toMatchObject({
      state: 'succeeded',
      summary: 'rename instance rack-1 to rack-2',
    });
    expect(await call('GET', path)).toMatchObject({ body: { instance: { name: 'rack-2' } } });
    expect(await call('POST', '/instances', machine)).toMatchObject({ status: 201 });

    const taken = await call('PATCH', path, { name: 'rack-1' });
    expect(await world.operation(taken.body.operation.id)).toMatchObject({
      state: 'failed',
      code: 'already_exists',
    });
  });

  it('is listed while it is not decommissioned', async ({ world }) => {
    const { call } = apiAs(world.token);
    const made = await call('POST', '/templates', { name: 'shelves', platform: 'any' });
    const machine = { name: 'shelf-1', template_id: made.body.template.id };
    const { body } = await call('POST', '/instances', machine);
    await call('POST', `/instances/${body.instance.id}/decommission`);

    const listed = async (query: string) => {
      const page = await call('GET', `/instances${query}`);
      return page.body.instances.map(({ name }: { name: string }) => name);
    };
    expect(await listed('')).not.toContain('shelf-1');
    expect(await listed('?all=true')).toContain('shelf-1');
  });
});

describe('a category', () => {
  it('is renamed with its modules, moved and deleted only without', async ({ world }) => {
    const { services, caller } = world;
    const { call, refused } = apiAs(world.token);
    await call('POST', '/categories', { slug: 'storage', position: 80 });
    await world.register('disk', key, { category: 'storage' });
    expect(await refused('DELETE', '/categories/storage')).toMatchObject({ code: 'in_use' });

    const later = settled(services);
    await updateCategory(later, caller, 'storage', { slug: 'disks' });
    expect(await call('GET', '/modules/disk')).toMatchObject({
      body: { module: { category: 'disks' } },
    });
    await expect(updateCategory(later, caller, 'disks', { position: 85 })).rejects.toMatchObject({
      code: 'in_use',
    });
    await expect(deleteCategory(later, caller, 'disks')).rejects.toMatchObject({ code: 'in_use' });

    await call('DELETE', '/modules/disk');
    expect(await updateCategory(later, caller, 'disks', { position: 85 })).toMatchObject({
      position: 85,
    });
    await deleteCategory(later, caller, 'disks');
    expect((await call('GET', '/categories')).body.categories).not.toContainEqual(
      expect.objectContaining({ slug: 'disks' }),
    );
    await expect(world.register('disk', key, { category: 'disks' })).rejects.toMatchObject({
      code: 'category_unknown',
    });
  });
});

describe('the history', () => {
  interface Listed {
    id: string;
    type: string;
    by: string;
    data: Record<string, unknown>;
  }

  it('of a module says who promoted and who approved', async ({ world }) => {
    const { call } = apiAs(world.token);
    const rita = await world.reviewer();
    await world.register('told', key);
    const { id } = await world.ingest({ name: 'told', files }, 'v1.0.0', key);
    const asked = await call('POST', `/versions/${id}/promote`, { to: 'live' });
    const operation = await world.operation(asked.body.operation.id, 'awaiting_approval');
    const decide = `/approvals/${operation.approval_id}/decide`;
    await call('POST', decide, { decision: 'approve' }, {}, rita.token);
    await world.operation(operation.id, 'succeeded');

    const events: Listed[] = await eventually('the promotion in the history', async () => {
      const { body } = await call('GET', '/events?about=module/told');
      return body.events.some(({ type }: Listed) => type === 'gantry.version.promoted')
        ? body.events
        : null;
    });
    const types = events.map(({ type }) => type);
    expect(types).toEqual(
      expect.arrayContaining(['gantry.module.registered', 'gantry.version.ingested']),
    );
    expect(events.find(({ type }) => type === 'gantry.approval.decided')).toMatchObject({
      by: rita.email,
      data: { decision: 'approve' },
    });
    const ids = events.map((event) => event.id);
    expect(ids).toEqual([...ids].sort().reverse());

    const kind = await call('GET', '/events?about=module/told&kind=gantry.version&limit=1');
    expect(kind.body.events).toMatchObject([{ type: 'gantry.version.promoted' }]);
    const next = `cursor=${kind.body.next_cursor}`;
    const older = await call('GET', `/events?about=module/told&kind=gantry.version&${next}`);
    expect(older.body.events.at(-1)).toMatchObject({ type: 'gantry.version.ingested' });
    expect(await call('GET', '/events?since=2999-01-01T00:00:00Z')).toMatchObject({
      body: { events: [], next_cursor: null },
    });
  });

  it('of a template says what its assignments were', async ({ world }) => {
    const { call } = apiAs(world.token);
    await world.register('past', key);
    const made = await call('POST', '/templates', { name: 'history', platform: 'any' });
    const path = `/templates/${made.body.template.id}`;
    const body = { module: 'past', constraint: '^1', metadata: { port: 80 } };
    const assigned = await call('POST', `${path}/assignments`, body);
    await world.operation(assigned.body.operation.id, 'succeeded');

    const found: Listed[] = await eventually('the assignment in the history', async () => {
      const { id } = made.body.template;
      const page = await call('GET', `/events?about=template/${id}&kind=gantry.assignment`);
      return page.body.events.length > 0 ? page.body.events : null;
    });
    expect(found).toMatchObject([
      { type: 'gantry.assignment.added', data: { constraint: '^1', metadata: { port: 80 } } },
    ]);
  });

  it('of another account is not shown', async ({ world }) => {
    const stranger = await World.create('registry.example');
    const page = await apiAs(stranger.token).call('GET', '/events?limit=1000');
    await stranger.close();
    expect(page.body.events.map(({ account }: { account: string }) => account)).not.toContain(
      world.account,
    );
  });
});

describe('a list', () => {
  it('is filtered, page by page, and refuses filters that it does not have', async ({ world }) => {
    const { call, refused } = apiAs(world.token);
    for (const name of ['list-a', 'list-b', 'other-c', 'list-d']) await world.register(name, key);

    expect(await moduleNames(world, '?name=list-*')).toEqual(['list-a', 'list-b', 'list-d']);
    const first = await call('GET', '/modules?name=list-*&limit=2');
    const next = await call('GET', `/modules?name=list-*&cursor=${first.body.next_cursor}`);
    expect(next.body.modules).toMatchObject([{ name: 'list-d' }]);

    expect(await refused('GET', '/instances?stat=enrolled')).toMatchObject({
      code: 'invalid_request',
      field: 'stat',
      detail: expect.stringContaining('state'),
    });
    expect(await refused('GET', '/instances?state=gone')).toMatchObject({ field: 'state' });
  });

  it('of templates has those that a module is assigned to', async ({ world }) => {
    const { call } = apiAs(world.token);
    await world.register('sought', key);
    const made = await call('POST', '/templates', { name: 'seeker', platform: 'any' });
    const path = `/templates/${made.body.template.id}/assignments`;
    const { body } = await call('POST', path, { module: 'sought' });
    await world.operation(body.operation.id, 'succeeded');

    const found = await eventually('the template of sought', async () => {
      const page = await call('GET', '/templates?module=sought');
      return page.body.templates.length > 0 ? page.body.templates : null;
    });
    expect(found).toMatchObject([{ name: 'seeker' }]);
    const about = await call('GET', `/operations?about=template/${made.body.template.id}`);
    expect(about.body.operations).toMatchObject([{ id: body.operation.id }]);
  });
});

describe('a public module of another account', () => {
  it('shows its live versions and what is needed to use it, and nothing else', async ({
    world,
  }) => {
    const reader = await World.create('registry.example');
    const { call, refused } = apiAs(reader.token);
    const owner = apiAs(world.token);
    const rita = await world.reviewer();
    const where = `/public-modules/${world.account}`;

    await world.register('shared', key, { visibility: 'public' });
    await world.register('hidden', key);
    const manifest = 'description: serves pages';
    const live = await world.ingest({ name: 'shared', files, manifest }, 'v1.0.0', key);
    const more = { name: 'shared', files: { 'etc/noun.conf': 'two\n' } };
    await world.ingest(more, 'v1.1.0', key);

    const asked = await owner.call('POST', `/versions/${live.id}/promote`, { to: 'live' });
    const operation = await world.operation(asked.body.operation.id, 'awaiting_approval');
    const decide = `/approvals/${operation.approval_id}/decide`;
    await owner.call('POST', decide, { decision: 'approve' }, {}, rita.token);
    await world.operation(operation.id, 'succeeded');

    const version = {
      version_string: '1.0.0',
      digest: live.digest,
      live: true,
      quarantined: false,
      platforms: ['any'],
    };
    const module = {
      account: world.account,
      name: 'shared',
      variety: 'subscription',
      display_name: null,
      description: 'serves pages',
      license: null,
      requires: [],
      provides: [],
      effects: [],
      live_version: version,
      updated_at: expect.any(String),
    };
    expect((await call('GET', `${where}/shared`)).body).toEqual({ module });
    expect((await call('GET', `/public-modules?publisher=${world.account}`)).body).toEqual({
      modules: [module],
      next_cursor: null,
    });
    expect((await call('GET', '/public-modules?name=share*')).body.modules).toContainEqual(module);
    // Version 1.1.0 was never live.
    expect((await call('GET', `${where}/shared/versions`)).body.versions).toEqual([version]);

    const absent = await refused('GET', `${where}/absent`);
    for (const path of [`${where}/hidden`, `${where}/hidden/versions`]) {
      const problem = await refused('GET', path);
      expect(problem.detail.replaceAll('hidden', 'absent')).toBe(absent.detail);
    }
    expect(await refused('GET', '/modules/shared')).toMatchObject({ code: 'not_found' });
    await reader.close();
  });
});

describe('metadata', () => {
  it('is created on another track only where it could move there unasked', async ({ world }) => {
    const { call, refused } = apiAs(world.token);
    const made = await call('POST', '/templates', { name: 'tested', platform: 'any' });
    const machine = { name: 'tested-1', template_id: made.body.template.id, track: 'staging' };

    expect(await refused('POST', '/instances', machine)).toMatchObject({
      status: 403,
      code: 'approval_required',
    });
    await policy(world, 'instance_track_change', { decision: 'allow' });
    expect(await call('POST', '/instances', machine)).toMatchObject({ status: 201 });
    await policy(world, 'instance_track_change', {});
  });

  it('is merged by a merge patch, and replaced by any other body', async ({ world }) => {
    const { call, refused } = apiAs(world.token);
    const made = await call('POST', '/templates', { name: 'merged', platform: 'any' });
    const machine = {
      name: 'merged-1',
      template_id: made.body.template.id,
      metadata: { hostname: 'a', port: 80 },
    };
    const { body } = await call('POST', '/instances', machine);
    const path = `/instances/${body.instance.id}`;
    const type = { 'content-type': 'application/merge-patch+json' };

    const patch = { metadata: { port: null, region: 'eu' } };
    const merged = await call('PATCH', path, patch, type);
    await world.operation(merged.body.operation.id, 'succeeded');
    expect((await call('GET', path)).body.instance.metadata).toEqual({
      hostname: 'a',
      region: 'eu',
    });

    expect(await refused('PATCH', path, patch)).toMatchObject({ field: 'metadata' });
    const replaced = await call('PATCH', path, { metadata: { port: 81 } });
    await world.operation(replaced.body.operation.id, 'succeeded');
    expect((await call('GET', path)).body.instance.metadata).toEqual({ port: 81 });
  });
});
