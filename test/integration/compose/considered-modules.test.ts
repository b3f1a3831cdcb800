import { afterAll, beforeAll, expect, it } from 'vitest';
import { composeTemplate } from '../../../shared/actions/compose/index.ts';
import { readRecord } from '../../../shared/actions/compositions/index.ts';
import type { Services } from '../../../shared/actions/context/index.ts';
import { servicesFromEnvironment } from '../../../shared/actions/context/index.ts';
import { createInstance } from '../../../shared/actions/machines/index.ts';
import { assignModule, removeAssignment } from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import {
  forgetConsidered,
  getComposition,
  noteConsidered,
  templatesConsidering,
} from '../../../shared/store/compose/index.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { alone } from '../../support/flow.ts';
import { policy, promote, raise } from '../../support/operations.ts';
import { authorKey, eventually, type ModuleSource, World } from '../../support/world.ts';

let registry: DockerRegistry;
let ours: World;
let theirs: World;
const key = authorKey();
let names = 0;

beforeAll(async () => {
  registry = await startDockerRegistry();
  [ours, theirs] = await Promise.all([World.create(registry.host), World.create(registry.host)]);
  // Newer versions of theirs are taken without a question, so that a compose shows in the template.
  await policy(ours, 'dependency_update', { decision: 'allow' });
});
afterAll(async () => {
  await Promise.all([ours.close(), theirs.close()]);
  await registry.stop();
});

/** A template of ours that has a machine on the staging track. */
async function staged(): Promise<Template> {
  names += 1;
  const template = await createTemplate(ours.services, ours.caller, {
    name: `template-${names}`,
    platform: 'any',
  });

  const instance = {
    name: `instance-${names}`,
    template_id: template.id,
    track: 'staging',
  } as const;

  await createInstance(ours.services, ours.caller, instance);
  return template;
}

async function built(
  world: World,
  source: ModuleSource,
  more: Parameters<World['register']>[2] = {},
) {
  await world.register(source.name, key, more);
  return world.ingest(source, 'v1.0.0', key);
}

async function assign(template: Template, module: string): Promise<string> {
  const { operation, assignment_id } = await assignModule(ours.services, ours.caller, {
    template_id: template.id,
    module,
  });
  await ours.operation(operation.id, 'succeeded');

  return assignment_id;
}

/** The versions of the template's staging track, by module. */
async function versions({ id }: Template): Promise<Record<string, string>> {
  const pointer = await getComposition(ours.services.db, ours.account, id, 'staging');
  if (pointer === null) return {};
  const { layers } = await readRecord(ours.services, pointer.report_key);
  return Object.fromEntries(layers.map(({ module, version }) => [module, version]));
}

const has = (template: Template, module: string, version: string) =>
  eventually(`${module} ${version}`, async () =>
    (await versions(template))[module] === version ? true : null,
  );

async function considering(module: string): Promise<string[]> {
  const rows = await templatesConsidering(ours.services.db, module);
  return rows.map(({ template_id, track }) => `${template_id} ${track}`).sort();
}

it("a template that reaches another account's module only through its own module is composed when that is promoted", async () => {
  const base = `${theirs.account}/base`;
  const first = await built(
    theirs,
    { name: 'base', files: { 'etc/base': '1.0' } },
    { visibility: 'public' },
  );

  await raise(theirs, first, 'blessed');
  const manifest = `dependencies: { requires: ["${base}@^1.0"] }`;
  const app = await built(ours, { name: 'app', files: { 'etc/app': 'x' }, manifest });

  await promote(ours, app, 'staging');
  const template = await staged();

  await assign(template, 'app');
  await has(template, 'base', '1.0.0');

  const second = await theirs.ingest({ name: 'base', files: { 'etc/base': '1.1' } }, 'v1.1.0', key);
  await raise(theirs, second, 'blessed');
  await has(template, 'base', '1.1.0');
});

it('a template that reaches a module only through a capability is composed when it is promoted', async () => {
  // The name stands in a module of theirs, so it is one of their account that meets it.
  const asks = 'dependencies: { requires: ["clock@*"] }';
  const site = await built(
    theirs,
    { name: 'site', files: { 'etc/site': 'x' }, manifest: asks },
    { visibility: 'public' },
  );

  const gives = 'dependencies: { provides: [clock] }';
  const ntp = await built(
    theirs,
    { name: 'ntp', files: { 'etc/ntp': '1.0' }, manifest: gives },
    { visibility: 'public' },
  );

  await raise(theirs, ntp, 'blessed');
  await raise(theirs, site, 'blessed');

  const template = await staged();
  await assign(template, `${theirs.account}/site`);
  await has(template, 'ntp', '1.0.0');

  const next = await theirs.ingest(
    { name: 'ntp', files: { 'etc/ntp': '1.1' }, manifest: gives },
    'v1.1.0',
    key,
  );

  await raise(theirs, next, 'blessed');
  await has(template, 'ntp', '1.1.0');
});

/** Services of their own that hold the first write which notes a module, once it is asked for. */
function holdingNotes(): { services: Services; reached: Promise<void>; release: () => void } {
  const services = servicesFromEnvironment();
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();

  services.db.client.middlewareStack.add(
    (next, context) => async (args) => {
      if (
        context.commandName === 'TransactWriteItemsCommand' &&
        JSON.stringify(args.input).includes('considered#')
      ) {
        reached.resolve();
        await released.promise;
      }
      return next(args);
    },
    { step: 'initialize' },
  );

  return { services, reached: reached.promise, release: () => released.resolve() };
}

it('a compose sees a promotion that is applied between its read of a module and its note of it', async () => {
  const version = await built(ours, { name: 'between', files: { 'etc/between': 'x' } });
  const quiet = await alone(ours.services);
  // Without a machine on it, its staging track is composed by this test alone.
  const other = await createTemplate(ours.services, ours.caller, {
    name: 'other',
    platform: 'any',
  });

  await assign(other, 'between');
  const held = holdingNotes();
  const message = { account: ours.account, template_id: other.id, track: 'staging' } as const;
  const work = composeTemplate({ ...held.services, settings: quiet.settings }, message);

  await held.reached;
  expect(await considering(`${ours.account}/between`)).not.toContain(`${other.id} staging`);
  await promote(ours, version, 'staging');
  held.release();
  await work;
  expect(await versions(other)).toEqual({ between: '1.0.0' });
  expect(await considering(`${ours.account}/between`)).toContain(`${other.id} staging`);
});

it('the note of a module that is no longer considered is removed', async () => {
  await promote(ours, await built(ours, { name: 'brief', files: { 'etc/brief': 'x' } }), 'staging');
  const template = await staged();
  const assignment = await assign(template, 'brief');

  await has(template, 'brief', '1.0.0');
  const module = `${ours.account}/brief`;

  expect(await considering(module)).toEqual([`${template.id} live`, `${template.id} staging`]);
  const { id } = await removeAssignment(ours.services, ours.caller, assignment);

  await ours.operation(id, 'succeeded');
  await eventually('it to be forgotten', async () =>
    (await considering(module)).length === 0 ? true : null,
  );
});

it('an older compose neither overwrites nor removes what a newer one noted', async () => {
  const { db } = ours.services;
  const of = { account: ours.account, template_id: 'template', track: 'live' } as const;
  const note = (sequence: number) =>
    noteConsidered(db, [{ ...of, module: 'acme/raced', sequence }]);

  await note(5);
  await expect(note(4)).rejects.toMatchObject({ code: 'conflict' });
  for (const sequence of [4, 5]) await forgetConsidered(db, { ...of, sequence }, []);
  expect(await considering('acme/raced')).toEqual(['template live']);
  await forgetConsidered(db, { ...of, sequence: 6 }, ['acme/raced']);
  expect(await considering('acme/raced')).toEqual(['template live']);
  await forgetConsidered(db, { ...of, sequence: 6 }, []);
  expect(await considering('acme/raced')).toEqual([]);
});
