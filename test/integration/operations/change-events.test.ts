import { describe, expect } from 'vitest';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import {
  assignModule,
  changePolicy,
  promoteVersion,
  removeAssignment,
  updateAssignment,
  updateInstance,
} from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { defaultPolicy } from '../../../shared/domain/operations/index.ts';
import { eventsOf } from '../../support/flow.ts';
import { flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type World } from '../../support/world.ts';

const platform = 'ubuntu-24.04-amd64';

const template = (world: World, name: string) =>
  createTemplate(world.services, world.caller, { name, platform });
const events = (world: World, type: Parameters<typeof eventsOf>[2]) =>
  eventsOf(world.services, world.account, type);

async function succeeds(world: World, operation: { id: string }): Promise<void> {
  expect(await world.operation(operation.id)).toMatchObject({ state: 'succeeded', code: null });
}

describe('a change that is applied', () => {
  const key = authorKey();

  it('leaves one event, for an assignment, an instance or a policy', async ({ world }) => {
    const { services, caller } = world;
    await world.register('told', key);

    const { id } = await template(world, 'told');
    const { operation, assignment_id } = await assignModule(services, caller, {
      template_id: id,
      module: 'told',
    });

    await succeeds(world, operation);
    await succeeds(
      world,
      await updateAssignment(services, caller, { id: assignment_id, effective_priority: 95 }),
    );
    await succeeds(world, await removeAssignment(services, caller, assignment_id));

    const { instance } = await createInstance(services, caller, {
      name: 'told-1',
      template_id: id,
    });
    await succeeds(
      world,
      await updateInstance(services, caller, { id: instance.id, metadata: { hostname: 'told-1' } }),
    );
    await succeeds(
      world,
      await changePolicy(services, caller, { ...defaultPolicy('module_retire'), quorum: 2 }),
    );

    const told = { template_id: id, module: `${world.account}/told` };
    for (const type of ['added', 'updated', 'removed'] as const) {
      expect(await events(world, `gantry.assignment.${type}`)).toMatchObject([
        { subject: `assignment/${assignment_id}`, data: told },
      ]);
    }

    expect(await events(world, 'gantry.instance.updated')).toMatchObject([
      { data: { changed: ['metadata'] } },
    ]);
    expect(await events(world, 'gantry.policy.changed')).toMatchObject([
      { subject: 'policy/module_retire', data: { quorum: 2, decision: 'allow' } },
    ]);
  });

  it('composes only the templates that it affects', async ({ world }) => {
    const { services, caller } = world;
    await world.register('counted', key);

    const version = await world.ingest(
      { name: 'counted', files: { 'etc/counted': 'x' } },
      'v1.0.0',
      key,
    );

    const touched = await template(world, 'touched');
    const other = await template(world, 'other');

    for (const [index, { id }] of [touched, other].entries()) {
      await createInstance(services, caller, {
        name: `counted-${index}`,
        template_id: id,
        track: 'staging',
      });
    }

    const made = async (id: string) =>
      (await events(world, 'gantry.composition.made')).filter(
        ({ subject, data }) => subject === `template/${id}` && data.track === 'staging',
      );
    const counts = async () =>
      [(await made(touched.id)).length, (await made(other.id)).length].join();
    const settles = (wanted: string) =>
      eventually(`${wanted} compositions`, async () => ((await counts()) === wanted ? true : null));

    await settles('1,1');

    const { operation } = await assignModule(services, caller, {
      template_id: touched.id,
      module: 'counted',
    });
    await succeeds(world, operation);
    await settles('2,1');
    await succeeds(
      world,
      await promoteVersion(services, caller, { id: version.id, to: 'staging' }),
    );
    await settles('3,1');
    expect((await made(touched.id)).map(({ data }) => data.layers).sort()).toEqual([0, 0, 1]);
  });
});
