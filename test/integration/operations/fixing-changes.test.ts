import { expect } from 'vitest';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import {
  assignModule,
  removeAssignment,
  updateAssignment,
  updateInstance,
  updateModule,
} from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import type { Member } from '../../../shared/domain/accounts/index.ts';
import { getComposition, getCompositionFailure } from '../../../shared/store/compose/index.ts';
import { policy, promote, raise, versionNow } from '../../support/operations.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type World } from '../../support/world.ts';

const [stolen, fresh] = [authorKey(), authorKey()];
let rita: Member;

it.beforeAll(async ({ world }) => {
  rita = await world.reviewer();
});

/** A module with a live version that is quarantined, because its key is no longer trusted. */
async function quarantined(world: World, name: string, files = { [`etc/${name}`]: 'old' }) {
  const keys = [stolen.publicPem, fresh.publicPem];
  await world.register(name, stolen, { trusted_keys: keys });
  const version = await world.ingest({ name, files }, 'v0.1.1', stolen);
  await raise(world, version, 'live', rita);

  const end = async () => {
    const removal = await updateModule(world.services, world.caller, name, {
      trusted_keys: [fresh.publicPem],
      quarantine: true,
    });
    await world.operation(removal.id, 'succeeded');
    await eventually('the quarantine', async () =>
      (await versionNow(world, version)).quarantined ? true : null,
    );
  };

  return { version, quarantine: end };
}

async function templateWith(world: World, name: string, modules: string[]) {
  const { services, caller } = world;
  const { id } = await createTemplate(services, caller, { name, platform: 'any' });
  const assignments: string[] = [];

  for (const module of modules) {
    const { operation, assignment_id } = await assignModule(services, caller, {
      template_id: id,
      module,
    });
    await world.operation(operation.id, 'succeeded');
    assignments.push(assignment_id);
  }

  return { id, assignments };
}

const failureOf = ({ services, account }: World, id: string) =>
  getCompositionFailure(services.db, account, id, 'live');

it('the fix of a quarantined live version goes through, and its templates compose again', async ({
  world,
}) => {
  const { services, account } = world;
  const { quarantine } = await quarantined(world, 'redis');
  const template = await templateWith(world, 'cache', ['redis']);
  const composed = () => getComposition(services.db, account, template.id, 'live');
  const before = await eventually('the composition', composed);

  await quarantine();
  await eventually('the failure', () => failureOf(world, template.id));
  expect((await composed())?.digest).toBe(before.digest);

  const fix = await world.ingest({ name: 'redis', files: { 'etc/redis': 'new' } }, 'v0.9.0', fresh);
  await raise(world, fix, 'live', rita);

  await eventually('no failure', async () =>
    (await failureOf(world, template.id)) === null ? true : null,
  );
  expect((await composed())?.digest).not.toBe(before.digest);
});

it('a template that does not compose takes every change that does not break it', async ({
  world,
}) => {
  const { services, caller, account } = world;
  const { version, quarantine } = await quarantined(world, 'base');

  for (const name of ['first', 'second']) {
    await world.register(name, fresh);
    const manifest = `dependencies: {requires: ["${account}/base@*"]}`;
    const source = { name, files: { [`etc/${name}`]: 'x' }, manifest };
    await raise(world, await world.ingest(source, 'v1.0.0', fresh), 'live', rita);
  }

  const template = await templateWith(world, 'web', ['first', 'second']);
  const [first = '', second = ''] = template.assignments;
  const machine = await createInstance(services, caller, {
    name: 'web-1',
    template_id: template.id,
  });

  await quarantine();
  await eventually('the failure', () => failureOf(world, template.id));

  const metadata = { region: 'eu' };
  const id = machine.instance.id;
  const changed = await updateInstance(services, caller, { id, metadata });
  expect(await world.operation(changed.id)).toMatchObject({ state: 'succeeded' });

  const raised = await updateAssignment(services, caller, { id: first, effective_priority: 5 });
  expect(await world.operation(raised.id)).toMatchObject({ state: 'succeeded' });

  await policy(world, 'instance_track_change', { decision: 'allow' });
  // The track staging composes no better, so a machine cannot move there.
  const moved = await updateInstance(services, caller, { id, track: 'staging' });
  expect(await world.operation(moved.id)).toMatchObject({
    state: 'failed',
    code: 'composition_unsatisfied',
  });

  // One removal leaves the other requirer, and the second one fixes the template.
  for (const one of [first, second]) {
    const removal = await removeAssignment(services, caller, one);
    expect(await world.operation(removal.id)).toMatchObject({ state: 'succeeded' });
  }

  await eventually('no failure', async () =>
    (await failureOf(world, template.id)) === null ? true : null,
  );
  expect(await promote(world, await versionNow(world, version), 'retired')).toMatchObject({
    state: 'succeeded',
  });
});

it('a change that breaks a template is still refused', async ({ world }) => {
  const { services, caller, account } = world;
  await world.register('needed', fresh);
  const needed = await world.ingest({ name: 'needed', files: { 'etc/n': 'x' } }, 'v1.0.0', fresh);
  await raise(world, needed, 'live', rita);

  await world.register('needing', fresh);
  const manifest = `dependencies: {requires: ["${account}/needed@*"]}`;
  const source = { name: 'needing', files: { 'etc/needing': 'x' }, manifest };
  await raise(world, await world.ingest(source, 'v1.0.0', fresh), 'live', rita);
  const { assignments } = await templateWith(world, 'whole', ['needing']);

  const change = { id: assignments[0] ?? '', constraint: '^9.0' };
  const { id } = await updateAssignment(services, caller, change);
  expect(await world.operation(id)).toMatchObject({
    state: 'failed',
    code: 'composition_unsatisfied',
  });
});
