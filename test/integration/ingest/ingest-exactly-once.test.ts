import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { enqueue } from '../../../shared/actions/context/index.ts';
import { ingestCandidate } from '../../../shared/actions/ingest/index.ts';
import { pollRepository } from '../../../shared/actions/poll/index.ts';
import { verifyCandidate } from '../../../shared/actions/verify/index.ts';
import type { Messages, QueueName } from '../../../shared/contract/queues.ts';
import { allVersions } from '../../../shared/store/modules/index.ts';
import { hasObject, objectKeys } from '../../../shared/store/objects.ts';
import { pollAlone } from '../../support/flow.ts';
import { expectOnce, messageOf, publishRandom } from '../../support/once.ts';
import { type Flow, proxiedFlowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type World } from '../../support/world.ts';

const key = authorKey();

const stage = ({ client, world, services }: Flow) => ({ world, services, client, key });
const publish = (flow: Flow, name: string, bytes?: number) =>
  publishRandom(stage(flow), name, bytes);
const message = (world: World, name: string, digest: string) => messageOf(world, name, digest);

describe('the same message ten times concurrently', () => {
  const ten = <T>(work: () => Promise<T>) => Promise.all(Array.from({ length: 10 }, work));

  it('makes one version on the deployed stack, at every stage', async ({ flow, world }) => {
    const { digest } = await publish(flow, 'deployed');
    const send = <Name extends QueueName>(queue: Name, body: Messages[Name]) =>
      enqueue(
        world.services,
        queue,
        Array.from({ length: 10 }, () => body),
      );

    await send('poll', { account: world.account, module: 'deployed', recheck: true });
    await eventually('the candidate', () => world.candidate('deployed', digest));
    await send('verify', message(world, 'deployed', digest));
    await send('ingest', message(world, 'deployed', digest));
    await world.inState('deployed', digest, 'ingested');
    await expectOnce(stage(flow), 'deployed', digest);
  });

  it('makes one version where ten workers really run concurrently', async ({
    flow,
    world,
    services,
  }) => {
    // More workers than the share of one account.
    const settings = { ...services.settings, accountSharePercent: 100 };
    const unbounded = { ...services, settings };
    const { digest } = await publish(flow, 'racing', 200_000);
    await ten(() =>
      pollRepository(unbounded, { account: world.account, module: 'racing', recheck: true }),
    );
    await pollAlone(services, world.account, 'racing', digest);
    await ten(() => verifyCandidate(unbounded, message(world, 'racing', digest)));
    await ten(() => ingestCandidate(unbounded, message(world, 'racing', digest)));
    await expectOnce(stage(flow), 'racing', digest);
  });

  it('takes in the tag that came while the layer was on its way', async ({
    flow,
    proxy,
    client,
    world,
    services,
  }) => {
    const { digest } = await publish(flow, 'tagged-meanwhile');
    const repository = `${world.account}/tagged-meanwhile`;

    await pollAlone(services, world.account, 'tagged-meanwhile', digest);
    await verifyCandidate(services, message(world, 'tagged-meanwhile', digest));

    proxy.interfere = (request) => {
      // The layer's last step before the version is made: a tag is added between the two.
      if (request.method !== 'GET' || !request.url?.includes(`${repository}/blobs/`)) return false;
      tagged ??= client
        .getManifest(repository, digest)
        .then((manifest) => client.putManifest(repository, 'v1.0.1', manifest))
        .then(() =>
          pollRepository(services, {
            account: world.account,
            module: 'tagged-meanwhile',
            recheck: true,
          }),
        );

      return false;
    };

    let tagged: Promise<unknown> | undefined;
    await ingestCandidate(services, message(world, 'tagged-meanwhile', digest));
    await tagged;
    proxy.interfere = null;
    await expectOnce(stage(flow), 'tagged-meanwhile', digest);
    expect((await world.version('tagged-meanwhile', digest))?.tags).toEqual(['v1.0.0', 'v1.0.1']);
  });
});

describe('messages in the order', () => {
  const orders = [
    ['poll', 'ingest', 'verify'],
    ['verify', 'poll', 'ingest'],
    ['verify', 'ingest', 'poll'],
    ['ingest', 'poll', 'verify'],
    ['ingest', 'verify', 'poll'],
  ] as const;

  it.concurrent.for(orders)(
    '%s, %s, %s, delivered repeatedly, make one version',
    async (order, { flow, world, services }) => {
      const name = order.join('-');
      const { digest } = await publish(flow, name);

      const stages = {
        poll: () =>
          pollRepository(services, { account: world.account, module: name, recheck: true }),
        verify: () => verifyCandidate(services, message(world, name, digest)),
        ingest: () => ingestCandidate(services, message(world, name, digest)),
      };

      for (let round = 0; round < 4; round++) for (const next of order) await stages[next]();
      await expectOnce(stage(flow), name, digest);
    },
  );
});

describe('an ingest worker that is killed', () => {
  function worker(world: World, name: string, digest: string, ...how: string[]): ChildProcess {
    const script = join(import.meta.dirname, '../../support/ingest-once.ts');
    const body = JSON.stringify(message(world, name, digest));
    return spawn(process.execPath, [script, body, ...how], { stdio: 'ignore' });
  }

  const ended = (child: ChildProcess) =>
    new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));

  async function verified(flow: Flow, name: string, bytes?: number) {
    const published = await publish(flow, name, bytes);
    await pollAlone(flow.services, flow.world.account, name, published.digest);
    await verifyCandidate(flow.services, message(flow.world, name, published.digest));
    return published;
  }

  it('while the layer streams leaves nothing visible, and the message again makes one version', async ({
    flow,
    proxy,
    world,
    services,
  }) => {
    // Two parts of a multipart upload, the first of which is stored when the worker dies.
    const { digest, layer } = await verified(flow, 'killed', 12 * 1024 ** 2);
    proxy.blobBytesPerSecond = 16 * 1024 ** 2;

    const sent = () => proxy.blobBytesSent;
    const from = sent();
    const child = worker(world, 'killed', digest);
    const end = ended(child);

    await eventually('most of the layer to be on its way', async () =>
      sent() - from > 10 * 1024 ** 2 ? true : null,
    );
    child.kill('SIGKILL');
    expect(await end).toBe('SIGKILL');
    proxy.blobBytesPerSecond = null;

    expect(await world.version('killed', digest)).toBeNull();
    expect(await hasObject(services.objects, objectKeys.artifact(world.account, layer))).toBe(
      false,
    );
    expect(await world.candidate('killed', digest)).toMatchObject({ state: 'verified' });
    await ingestCandidate(services, message(world, 'killed', digest));
    await expectOnce(stage(flow), 'killed', digest);
  });

  it('right before the last transaction leaves nothing visible either', async ({
    flow,
    world,
    services,
  }) => {
    const { digest, layer } = await verified(flow, 'killed-late');
    expect(await ended(worker(world, 'killed-late', digest, 'die-before-commit'))).toBe('SIGKILL');
    expect(await hasObject(services.objects, objectKeys.artifact(world.account, layer))).toBe(true);
    expect(await world.version('killed-late', digest)).toBeNull();
    expect(await allVersions(services.db, world.account, 'killed-late')).toEqual([]);
    expect(await world.candidate('killed-late', digest)).toMatchObject({ state: 'verified' });
    await ingestCandidate(services, message(world, 'killed-late', digest));
    await expectOnce(stage(flow), 'killed-late', digest);
  });
});
