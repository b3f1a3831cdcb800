import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { enqueue } from '../../../shared/actions/context/index.ts';
import { ingestCandidate } from '../../../shared/actions/ingest/index.ts';
import { pollRepository } from '../../../shared/actions/poll/index.ts';
import { verifyCandidate } from '../../../shared/actions/verify/index.ts';
import type { Messages, QueueName } from '../../../shared/contract/queues.ts';
import { allVersions } from '../../../shared/store/modules/index.ts';
import { hasObject, objectKeys } from '../../../shared/store/objects.ts';
import { pollAlone } from '../../support/flow.ts';
import { expectOnce, messageOf, publishRandom } from '../../support/once.ts';
import { setUpProxiedFlow } from '../../support/set-up.ts';
import { authorKey, eventually } from '../../support/world.ts';

const key = authorKey();

const { proxy, client, world, services } = await setUpProxiedFlow();

const stage = () => ({ world, services, client, key });
const publish = (name: string, bytes?: number) => publishRandom(stage(), name, bytes);
const message = (name: string, digest: string) => messageOf(world, name, digest);

describe('the same message ten times at once', () => {
  const ten = <T>(work: () => Promise<T>) => Promise.all(Array.from({ length: 10 }, work));

  it('makes one version on the deployed stack, at every stage', async () => {
    const { digest } = await publish('deployed');
    const send = <Name extends QueueName>(queue: Name, body: Messages[Name]) =>
      enqueue(
        world.services,
        queue,
        Array.from({ length: 10 }, () => body),
      );

    await send('poll', { account: world.account, module: 'deployed', recheck: true });
    await eventually('the candidate', () => world.candidate('deployed', digest));
    await send('verify', message('deployed', digest));
    await send('ingest', message('deployed', digest));
    await world.inState('deployed', digest, 'ingested');
    await expectOnce(stage(), 'deployed', digest);
  });

  it('makes one version where ten workers really run at once', async () => {
    const { digest } = await publish('racing', 200_000);
    await ten(() =>
      pollRepository(services, { account: world.account, module: 'racing', recheck: true }),
    );
    await pollAlone(services, world.account, 'racing', digest);
    await ten(() => verifyCandidate(services, message('racing', digest)));
    await ten(() => ingestCandidate(services, message('racing', digest)));
    await expectOnce(stage(), 'racing', digest);
  });

  it('takes in the tag that came while the layer was on its way', async () => {
    const { digest } = await publish('tagged-meanwhile');
    const repository = `${world.account}/tagged-meanwhile`;

    await pollAlone(services, world.account, 'tagged-meanwhile', digest);
    await verifyCandidate(services, message('tagged-meanwhile', digest));

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
    await ingestCandidate(services, message('tagged-meanwhile', digest));
    await tagged;
    proxy.interfere = null;
    await expectOnce(stage(), 'tagged-meanwhile', digest);
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

  it.concurrent.each(orders)('%s, %s, %s, again and again, make one version', async (...order) => {
    const name = order.join('-');
    const { digest } = await publish(name);

    const stages = {
      poll: () => pollRepository(services, { account: world.account, module: name, recheck: true }),
      verify: () => verifyCandidate(services, message(name, digest)),
      ingest: () => ingestCandidate(services, message(name, digest)),
    };

    for (let round = 0; round < 4; round++) for (const next of order) await stages[next]();
    await expectOnce(stage(), name, digest);
  });
});

describe('an ingest worker that is killed', () => {
  function worker(name: string, digest: string, ...how: string[]): ChildProcess {
    const script = join(import.meta.dirname, '../../support/ingest-once.ts');
    const body = JSON.stringify(message(name, digest));
    return spawn(process.execPath, [script, body, ...how], { stdio: 'ignore' });
  }

  const ended = (child: ChildProcess) =>
    new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));

  async function verified(name: string, bytes?: number) {
    const published = await publish(name, bytes);
    await pollAlone(services, world.account, name, published.digest);
    await verifyCandidate(services, message(name, published.digest));
    return published;
  }

  it('while the layer streams leaves nothing visible, and the message again makes one version', async () => {
    // Two parts of a multipart upload, the first of which is stored when the worker dies.
    const { digest, layer } = await verified('killed', 12 * 1024 ** 2);
    proxy.blobBytesPerSecond = 16 * 1024 ** 2;

    const sent = () => proxy.blobBytesSent;
    const from = sent();
    const child = worker('killed', digest);
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
    await ingestCandidate(services, message('killed', digest));
    await expectOnce(stage(), 'killed', digest);
  });

  it('right before the last transaction leaves nothing visible either', async () => {
    const { digest, layer } = await verified('killed-late');
    expect(await ended(worker('killed-late', digest, 'die-before-commit'))).toBe('SIGKILL');
    expect(await hasObject(services.objects, objectKeys.artifact(world.account, layer))).toBe(true);
    expect(await world.version('killed-late', digest)).toBeNull();
    expect(await allVersions(services.db, world.account, 'killed-late')).toEqual([]);
    expect(await world.candidate('killed-late', digest)).toMatchObject({ state: 'verified' });
    await ingestCandidate(services, message('killed-late', digest));
    await expectOnce(stage(), 'killed-late', digest);
  });
});
