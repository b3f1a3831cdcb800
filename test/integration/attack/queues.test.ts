import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { enqueue, type Messages } from '../../../shared/actions/context/index.ts';
import { verifyCandidate } from '../../../shared/actions/verify/index.ts';
import { newId } from '../../../shared/base/ids.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

let registry: DockerRegistry;
let victim: World;
let other: World;
const key = authorKey();

beforeAll(async () => {
  registry = await startDockerRegistry();
  victim = await World.create(registry.host);
  other = await World.create(registry.host);
});
afterAll(async () => {
  await victim.close();
  await other.close();
  await registry.stop();
});

/**
 * Puts messages on a stage's queue, as an attacker who may write to it, and waits until the stage
 * has dealt with them.
 */
async function forge<Stage extends keyof Messages>(
  stage: Stage,
  ...messages: Messages[Stage][]
): Promise<void> {
  await enqueue(victim.services, stage, messages);
  await drained(stage);
}

async function drained(stage: keyof Messages): Promise<void> {
  const { aws, settings } = victim.services;
  const AttributeNames = [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
  ] as const;

  await eventually(`the queue of ${stage} to be empty`, async () => {
    const asked = { QueueUrl: settings.queueUrls[stage], AttributeNames: [...AttributeNames] };
    const { Attributes = {} } = await aws.sqs.send(new GetQueueAttributesCommand(asked));
    return AttributeNames.every((name) => Attributes[name] === '0') ? true : null;
  });
}

describe('a writer of queues', () => {
  it('cannot get an artifact ingested that is unsigned or signed by someone else', async () => {
    await victim.register('unsigned', key);
    await victim.register('foreign', key);

    const unsigned = await victim.push(
      await victim.build({ name: 'unsigned', files: { 'etc/a': 'a' } }),
      'unsigned',
      'v1.0.0',
    );

    const foreign = await victim.publish(
      { name: 'foreign', files: { 'etc/a': 'a' } },
      'v1.0.0',
      authorKey(),
    );

    await victim.poll('unsigned');
    await victim.poll('foreign');
    await victim.inState('unsigned', unsigned, 'awaiting_signature');
    await victim.inState('foreign', foreign, 'rejected');

    const message = (module: string, digest: string) => ({
      account: victim.account,
      module,
      version_id: victim.id(module, digest),
    });

    await forge('ingest', message('unsigned', unsigned), message('foreign', foreign));
    expect(await victim.version('unsigned', unsigned)).toBeNull();
    expect(await victim.version('foreign', foreign)).toBeNull();
    expect((await victim.candidate('unsigned', unsigned))?.state).toBe('awaiting_signature');
    expect((await victim.candidate('foreign', foreign))?.state).toBe('rejected');
  });

  it('cannot have an artifact taken in for another module or account than it was verified for', async () => {
    await victim.register('hello', key);
    const { digest, id } = await victim.ingest(
      { name: 'hello', files: { 'etc/a': 'a' } },
      'v1.0.0',
      key,
    );

    await victim.register('elsewhere', key);
    await other.register('hello', key);

    const mixed = [
      { account: victim.account, module: 'elsewhere', version_id: id },
      { account: other.account, module: 'hello', version_id: id },
      { account: other.account, module: 'hello', version_id: other.id('hello', digest) },
    ];

    await forge('verify', ...mixed);
    await forge('ingest', ...mixed);
    expect(await victim.version('elsewhere', digest)).toBeNull();
    expect(await other.version('hello', digest)).toBeNull();
    expect((await victim.version('hello', digest))?.id).toBe(id);
  });

  it('cannot have a candidate judged by the policy of another module', async () => {
    const theirs = authorKey();
    await victim.register('judged', key);
    await victim.register('lenient', theirs);
    const tar = await victim.build({ name: 'judged', files: { 'etc/a': 'a' } });
    const digest = await victim.push(tar, 'judged', 'v1.0.0');

    for (const name of ['judged', 'lenient']) {
      await victim.push(tar, name, 'v1.0.0');
      await victim.sign(name, digest, theirs);
    }

    await victim.poll('judged');
    const before = await victim.inState('judged', digest, 'rejected');

    const { account, services } = victim;
    const message = { account, module: 'lenient', version_id: victim.id('judged', digest) };
    expect(await verifyCandidate(services, message)).toBe('mismatched');
    expect(await victim.candidate('judged', digest)).toEqual(before);
  });

  it('cannot make the platform compose or sign something that does not exist', async () => {
    await forge('compose', {
      account: victim.account,
      template_id: newId('template'),
      track: 'live',
    });
    await forge('reconcile', { account: victim.account, instance_id: newId('instance') });
  });

  it('cannot stop a stage with an invalid message', async () => {
    const { aws, settings } = victim.services;
    const QueueUrl = settings.queueUrls.poll;

    for (const MessageBody of ['no JSON', '{}', '{"v":1,"account":7}', '{"v":9}', '[]']) {
      await aws.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    }

    await victim.register('after', key);
    await victim.ingest({ name: 'after', files: { 'etc/a': 'a' } }, 'v1.0.0', key);
  });
});
