import type { Context, SQSRecord } from 'aws-lambda';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { z } from 'zod';
import { composeTemplate } from '../../../shared/actions/compose/index.ts';
import {
  assignModule,
  removeAssignment,
  withholdVersion,
} from '../../../shared/actions/operations/index.ts';
import { createTemplate } from '../../../shared/actions/templates/index.ts';
import type { ComposeMessage } from '../../../shared/contract/messages.ts';
import { writeMessage } from '../../../shared/contract/queues.ts';
import { templateAnswer } from '../../../shared/contract/templates/index.ts';
import {
  getComposition,
  getCompositionFailure,
  holdComposition,
} from '../../../shared/store/compose/index.ts';
import { etagOf, getBytes, replaceLatest } from '../../../shared/store/objects.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { eventsOf } from '../../support/flow.ts';
import { policy, raiseUnasked } from '../../support/operations.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

const { publicUrl } = inject('stack');
let registry: DockerRegistry;
let ours: World;
let theirs: World;

beforeAll(async () => {
  registry = await startDockerRegistry();
  [ours, theirs] = await Promise.all([World.create(registry.host), World.create(registry.host)]);
});
afterAll(async () => {
  await Promise.all([ours.close(), theirs.close()]);
  await registry.stop();
});

const embedded = z.looseObject({
  _aws: z.object({ CloudWatchMetrics: z.array(z.object({ Namespace: z.string() })) }),
  service: z.string(),
});

/** Metrics that the compose function writes for CloudWatch while it works on a message. */
async function countedBy(message: ComposeMessage) {
  vi.stubEnv('POWERTOOLS_METRICS_NAMESPACE', 'Gantry');
  vi.stubEnv('POWERTOOLS_SERVICE_NAME', 'compose');

  const { handler } = await import('../../../functions/compose/handler.ts');
  const written: string[] = [];
  const spy = vi
    .spyOn(process.stdout, 'write')
    .mockImplementation((chunk) => written.push(String(chunk)) > 0);

  try {
    const record = { messageId: 'm', body: writeMessage('compose', message, 'tests') } as SQSRecord;
    expect(await handler({ Records: [record] }, {} as Context)).toEqual({ batchItemFailures: [] });
  } finally {
    spy.mockRestore();
    vi.unstubAllEnvs();
  }

  return written
    .flatMap((chunk) => chunk.split('\n'))
    .filter((line) => line.includes('"_aws"') && !line.includes('"ColdStart"'))
    .map((line) => embedded.parse(JSON.parse(line)));
}

it("a template that another account's yank breaks keeps its composition, and shows the reason until it composes again", async () => {
  const key = authorKey();
  const { services, caller, account } = ours;

  await theirs.register('feed', key, { visibility: 'public' });
  const feed = await theirs.ingest({ name: 'feed', files: { 'etc/feed': 'x' } }, 'v1.0.0', key);
  await raiseUnasked(theirs, feed);

  await policy(ours, 'dependency_update', { decision: 'allow' });
  const { id } = await createTemplate(services, caller, { name: 'web', platform: 'any' });
  const { operation, assignment_id } = await assignModule(services, caller, {
    template_id: id,
    module: `${theirs.account}/feed`,
  });
  await ours.operation(operation.id, 'succeeded');

  const before = await eventually('the composition', async () => {
    const pointer = await getComposition(services.db, account, id, 'live');
    return pointer?.modules.length === 1 ? pointer : null;
  });

  const shown = async () => {
    const headers = { authorization: `Bearer ${ours.token}` };
    const response = await fetch(`${publicUrl}/api/v1/templates/${id}`, { headers });
    return templateAnswer.parse(await response.json()).composition_failures;
  };

  expect(await shown()).toEqual([]);

  const yank = { kind: 'version_yank', version_id: feed.id, reason: 'loses feeds' } as const;
  await theirs.operation((await withholdVersion(theirs.services, theirs.caller, yank)).id);
  const failures = await eventually('the failure', async () =>
    (await shown()).length === 0 ? null : await shown(),
  );

  expect(failures).toMatchObject([{ track: 'live', code: 'composition_unsatisfied' }]);
  expect(failures[0]?.message).toContain('yanked');
  // A promotion that concerns no version of the track composes the same once more.
  const kept = await getComposition(services.db, account, id, 'live');
  expect(kept?.digest).toBe(before.digest);

  // A second compose fails in the same way: the note stays as it is, and one event reports it.
  const message = { account, template_id: id, track: 'live' } as const;
  expect(await composeTemplate(services, message)).toMatchObject(failures[0] ?? {});

  const refused = { service: 'compose', CompositionsRefused: 1, ComposeDone: 1 };
  const namespace = { CloudWatchMetrics: [{ Namespace: 'Gantry' }] };

  expect(await countedBy(message)).toMatchObject([{ ...refused, _aws: namespace }]);
  expect(await shown()).toEqual(failures);
  expect(await eventsOf(services, account, 'gantry.composition.failed')).toMatchObject([
    { subject: `template/${id}`, data: { track: 'live', code: 'composition_unsatisfied' } },
  ]);

  // A compose that was overtaken may not note what is true no more.
  const stale = transact(services.db, [holdComposition(account, id, 'live', before.revision - 1)]);
  await expect(stale).rejects.toMatchObject({ code: 'conflict' });

  await ours.operation((await removeAssignment(services, caller, assignment_id)).id, 'succeeded');
  await eventually('no failure', async () => ((await shown()).length === 0 ? true : null));
  expect((await countedBy(message))[0]).not.toHaveProperty('CompositionsRefused');
});

it('a fault shows at the template until it is over', async () => {
  const { services, caller, account } = ours;
  const key = authorKey();
  await ours.register('spoilt', key);
  const version = await ours.ingest({ name: 'spoilt', files: { 'etc/s': 'x' } }, 'v1.0.0', key);
  await raiseUnasked(ours, version);

  const { id } = await createTemplate(services, caller, { name: 'spoilt', platform: 'any' });
  const { operation } = await assignModule(services, caller, { template_id: id, module: 'spoilt' });
  await ours.operation(operation.id, 'succeeded');
  // The deployed function has composed it too, so none of its messages meets the fault.
  await eventually('the composition', () => getComposition(services.db, account, id, 'live'));

  const { objects } = services;
  const message = { account, template_id: id, track: 'live' } as const;
  const failure = () => getCompositionFailure(services.db, account, id, 'live');
  const index = version.builds[0]?.file_index_key ?? '';
  const bytes = await getBytes(objects, index);
  const replace = async (body: Uint8Array) =>
    replaceLatest(
      objects,
      { key: index, body, type: 'application/gzip' },
      await etagOf(objects, index),
    );

  await replace(Buffer.from('spoilt'));
  await expect(composeTemplate(services, message)).rejects.toMatchObject({ code: 'io_error' });
  expect(await failure()).toMatchObject({
    code: 'io_error',
    message: expect.stringContaining(index),
  });

  await replace(bytes);
  expect(await composeTemplate(services, message)).toBeNull();
  expect(await failure()).toBeNull();
});
