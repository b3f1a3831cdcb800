import { randomBytes } from 'node:crypto';
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { composeTemplate } from '../../../shared/actions/compose/index.ts';
import { objectsOf, readRecord } from '../../../shared/actions/compositions/index.ts';
import { enqueue, type Services } from '../../../shared/actions/context/index.ts';
import { createInstance, decommissionInstance } from '../../../shared/actions/machines/index.ts';
import { assignModule } from '../../../shared/actions/operations/index.ts';
import { reconcileInstance } from '../../../shared/actions/reconcile/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import { collectObjects, scheduleCollections } from '../../../shared/actions/upkeep/index.ts';
import type { TemplateComposition } from '../../../shared/domain/compose/index.ts';
import type { Instance } from '../../../shared/domain/machines/index.ts';
import type { Template } from '../../../shared/domain/templates/index.ts';
import { getComposition } from '../../../shared/store/compose/index.ts';
import { eachInstanceOf, getInstance } from '../../../shared/store/machines/index.ts';
import {
  deleteObjectVersions,
  listObjectVersions,
  objectKeys,
  objectPrefix,
  putByDigest,
} from '../../../shared/store/objects.ts';
import { transact } from '../../../shared/store/table/index.ts';
import {
  bumpTemplate,
  getTemplate,
  listAssignments,
  putAssignment,
} from '../../../shared/store/templates/index.ts';
import { aDayLater, present } from '../../support/aging.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { hold, promote } from '../../support/operations.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

let registry: DockerRegistry;
let world: World;
let names = 0;

beforeAll(async () => {
  registry = await startDockerRegistry();
});
afterAll(() => registry.stop());

// An account of its own for each test: equal compositions are the same objects, which another
// test's template would name.
beforeEach(async () => {
  world = await World.create(registry.host);
  const key = authorKey();

  await world.register('site', key);
  for (const number of ['1.0.0', '1.1.0']) {
    const source = { name: 'site', files: { 'srv/version': number } };
    await promote(world, await world.ingest(source, `v${number}`, key), 'staging');
  }
});
afterEach(() => world.close());

/** The platform’s own schedule can reconcile a moment before a test does: then it runs again. */
const untilFirst = { retry: 2 };

function beforePlatform(reached: Promise<void>, reconciling: Promise<unknown>): Promise<void> {
  const late = reconciling.then(() => {
    throw new Error('expected the test to reconcile the machine, found that the platform had');
  });
  return Promise.race([reached, late]);
}

/** A template that is composed of one version of the module. */
async function composedOf(constraint: string): Promise<Template> {
  names += 1;
  const template = await createTemplate(world.services, world.caller, {
    name: `template-${names}`,
    platform: 'any',
  });
  const { services, caller } = world;

  await createInstance(services, caller, {
    name: `first-${names}`,
    template_id: template.id,
    track: 'staging',
  });

  const { operation } = await assignModule(services, caller, {
    template_id: template.id,
    module: 'site',
    constraint,
  });

  expect((await world.operation(operation.id)).state).toBe('succeeded');
  await eventually('the instance to have what its template is', async () => {
    const [pointer, row] = [await pointerOf(template), await instanceOf(template)];
    const named = row?.desired_report_keys ?? [];
    return pointer.modules.length > 0 && named.length === 1 && named[0] === pointer.report_key
      ? row
      : null;
  });

  return template;
}

async function pointerOf(template: Template): Promise<TemplateComposition> {
  const pointer = await getComposition(world.services.db, world.account, template.id, 'staging');
  if (pointer === null) throw new Error(`expected a composition of ${template.name}`);
  return pointer;
}

/** The template's first instance. */
async function instanceOf(template: Template): Promise<Instance | null> {
  const [row] = await Array.fromAsync(
    eachInstanceOf(world.services.db, world.account, template.id),
  );
  return row === undefined ? null : getInstance(world.services.db, world.account, row.id);
}

/**
 * Holds the template's module to other versions, as an applied operation does; composes nothing.
 */
async function constrain(template: Template, constraint: string): Promise<void> {
  const { db } = world.services;
  const { account, id } = template;
  const [assignment] = await listAssignments(db, account, id);
  const now = await getTemplate(db, account, id);
  if (assignment === undefined || now === null)
    throw new Error(`expected ${template.name} with its module`);

  const at = new Date().toISOString();
  await transact(db, [
    putAssignment(assignment, { ...assignment, constraint, updated_at: at }),
    bumpTemplate(account, id, now.revision, at),
  ]);
}

const collect = (services: Services) => collectObjects(services, { account: world.account });
const compose = (services: Services, template: Template) =>
  composeTemplate(services, { account: world.account, template_id: template.id, track: 'staging' });
const reconcile = (services: Services, { id }: Instance) =>
  reconcileInstance(services, { account: world.account, instance_id: id });

/** The keys of all objects of what a template is made of now. */
async function objectsNow(template: Template): Promise<string[]> {
  const { report_key } = await pointerOf(template);
  return objectsOf(report_key, await readRecord(world.services, report_key));
}

/** Makes objects that no row names; answers their keys. */
async function orphans(account: string, count: number): Promise<string[]> {
  const keys: string[] = [];
  for (let i = 0; i < count; i++) {
    const digest = `sha256:${randomBytes(32).toString('hex')}`;
    keys.push(
      i % 2 === 0 ? objectKeys.image(account, digest) : objectKeys.composition(account, digest),
    );
  }

  for (let i = 0; i < count; i += 50) {
    const some = keys.slice(i, i + 50);
    await Promise.all(
      some.map((key) =>
        putByDigest(world.services.objects, { key, body: 'xyz', type: 'text/plain' }, new Date()),
      ),
    );
  }

  return keys;
}

describe('a collection', () => {
  it('deletes what nothing names, page after page, and nothing of what is named, young, or of another account', async () => {
    const named = await objectsNow(await composedOf('1.0.0'));
    const other = await orphans(`${world.account}-other`, 2);
    const roots = await listed(objectPrefix(world.account, 'roots'));

    await collect(await aDayLater());
    const old = await orphans(world.account, 2100);
    const later = await aDayLater();
    const young = await orphans(world.account, 2);

    expect(await collect(later)).toEqual({ objects: 2100, bytes: 2100 * 3 });
    expect(await present(world.services, old)).toEqual([]);
    for (const kept of [named, young, other])
      expect(await present(world.services, kept)).toEqual(kept);
    expect(await listed(objectPrefix(world.account, 'roots'))).toEqual(roots);
    expect(await collect(later)).toEqual({ objects: 0, bytes: 0 });
  });

  it('deletes what only a decommissioned machine ran', async () => {
    const template = await composedOf('1.0.0');
    const first = await objectsNow(template);
    const instance = await instanceOf(template);
    if (instance === null) throw new Error('expected an instance');

    await decommissionInstance(world.services, world.caller, instance.id);
    await constrain(template, '1.1.0');
    await compose(await aDayLater(), template);
    await collect(await aDayLater());
    expect(await present(world.services, first)).toEqual([]);
  });

  it('that is killed half-way is finished by the next', async () => {
    const named = await objectsNow(await composedOf('1.0.0'));
    const old = await orphans(world.account, 4);
    const killed = await aDayLater();
    let deletes = 0;

    killed.objects.s3.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          if (commandName === 'DeleteObjectsCommand' && ++deletes > 1) throw new Error('killed');
          return next(args);
        },
      { step: 'initialize' },
    );

    await expect(collect(killed)).rejects.toThrow('killed');
    expect(await present(world.services, old)).toHaveLength(2);
    await collect(await aDayLater());
    expect(await present(world.services, [...old, ...named])).toEqual(named);
  });

  it('ends before it deletes anything when a composition that is named cannot be read', async () => {
    const template = await composedOf('1.0.0');
    const old = await orphans(world.account, 2);
    const later = await aDayLater();
    const { report_key } = await pointerOf(template);

    later.objects.s3.middlewareStack.add(
      (next, { commandName }) =>
        async (args) => {
          const { Key } = args.input as { Key?: string };
          if (commandName === 'GetObjectCommand' && Key === report_key)
            throw new Error('unreadable');
          return next(args);
        },
      { step: 'initialize' },
    );

    await expect(collect(later)).rejects.toThrow('unreadable');
    expect(await present(world.services, old)).toEqual(old);
  });
});

describe('nothing is lost', () => {
  it('when a compose makes again, during the collection, what nothing named when the names were read', async () => {
    const template = await composedOf('1.0.0');
    const first = await objectsNow(template);

    await constrain(template, '1.1.0');
    await compose(world.services, template);
    await eventually('the instance to have the other version', async () => {
      const [pointer, row] = [await pointerOf(template), await instanceOf(template)];
      return row?.desired_report_keys.join() === pointer.report_key ? row : null;
    });

    const later = await aDayLater();
    const { services, reached, release } = hold(await aDayLater(), 'DeleteObjectsCommand');
    const collecting = collect(services);

    await reached;
    await constrain(template, '1.0.0');
    await compose(later, template);
    release();
    expect((await collecting).objects).toBeGreaterThan(0);

    const now = await objectsNow(template);
    expect(now[1]).toBe(first[1]);
    expect(await present(world.services, now)).toEqual(now);
    await collect(await aDayLater());
    expect(await present(world.services, now)).toEqual(now);
  });

  it(
    'when a reconcile is slow to name what its template was until just now',
    untilFirst,
    async () => {
      const template = await composedOf('1.0.0');
      const first = await objectsNow(template);
      const later = await aDayLater();
      const input = { name: `late-${names}`, template_id: template.id, track: 'staging' } as const;
      const { instance } = await createInstance(later, world.caller, input);
      const slow = hold(await aDayLater(), 'GetObjectCommand');
      const reconciling = reconcile(slow.services, instance);

      await beforePlatform(slow.reached, reconciling);
      await constrain(template, '1.1.0');
      await compose(later, template);

      const [row] = [await instanceOf(template)];
      if (row !== null) await reconcile(later, row);
      await collect(later);
      expect(await present(world.services, first)).toEqual(first);
      slow.release();
      await reconciling;
      await collect(await aDayLater());
      expect(await present(world.services, first)).toEqual(first);
    },
  );

  it(
    'of the desired state in place while the next one is claimed and its bytes are not there',
    untilFirst,
    async () => {
      const template = await composedOf('1.0.0');
      const first = await objectsNow(template);
      const instance = await instanceOf(template);
      if (instance === null) throw new Error('expected an instance');

      await constrain(template, '1.1.0');
      await compose(await aDayLater(), template);

      const slow = hold(await aDayLater(), 'PutObjectCommand');
      const reconciling = reconcile(slow.services, instance);

      await beforePlatform(slow.reached, reconciling);
      await collect(await aDayLater());

      const next = await objectsNow(template);
      expect(await present(world.services, [...first, ...next])).toEqual([...first, ...next]);
      slow.release();
      await reconciling;
      expect((await instanceOf(template))?.desired_report_keys).toEqual([next[0]]);
      await collect(await aDayLater());
      expect(await present(world.services, [...first, ...next])).toEqual(next);
    },
  );
});

it('a template whose composition is gone, as after a restore, is composed again', async () => {
  const template = await composedOf('1.0.0');
  const now = await objectsNow(template);

  for (const key of now) {
    for await (const page of listObjectVersions(world.services.objects, key)) {
      await deleteObjectVersions(world.services.objects, page);
    }
  }

  expect(await present(world.services, now)).toEqual([]);
  await compose(world.services, template);
  expect(await present(world.services, await objectsNow(template))).toHaveLength(3);
});

it('each account is asked for on the queue, and the deployed function takes its message and leaves what is young', async () => {
  const kept = [
    ...(await objectsNow(await composedOf('1.0.0'))),
    ...(await orphans(world.account, 1)),
  ];
  expect(await scheduleCollections(await aDayLater())).toBeGreaterThan(0);

  const { aws, settings } = world.services;
  const QueueUrl = settings.queueUrls.collect;

  await enqueue(world.services, 'collect', [{ account: world.account }]);
  const AttributeNames = [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
  ] as const;

  await eventually(
    'the message to be done: one that failed stays invisible for a quarter of an hour',
    async () => {
      const command = new GetQueueAttributesCommand({
        QueueUrl,
        AttributeNames: [...AttributeNames],
      });
      const { Attributes = {} } = await aws.sqs.send(command);

      return AttributeNames.every((name) => Attributes[name] === '0') || null;
    },
  );

  expect(await present(world.services, kept)).toEqual(kept);
});

async function listed(prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const page of listObjectVersions(world.services.objects, prefix))
    keys.push(...page.map(({ key }) => key));
  return keys;
}
