import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Services } from '../../../shared/actions/context/index.ts';
import { servicesFromEnvironment } from '../../../shared/actions/context/index.ts';
import { ingestCandidate } from '../../../shared/actions/ingest/index.ts';
import { pollRepository } from '../../../shared/actions/poll/index.ts';
import { verifyCandidate } from '../../../shared/actions/verify/index.ts';
import { RegistryClient } from '../../../shared/registry/index.ts';
import { dueCandidates } from '../../../shared/store/candidates/index.ts';
import { hasObject, objectKeys } from '../../../shared/store/objects.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { stoppedAt, type Throttle, throttled } from '../../support/faults.ts';
import { alone, pollAlone, withOwnTable } from '../../support/flow.ts';
import {
  expectNothing,
  expectOnce,
  messageOf,
  publishRandom,
  type Stage,
} from '../../support/once.ts';
import { authorKey, World } from '../../support/world.ts';

/** Every write on the way from a tag to a version, in order. */
const writes = [
  // Poll: tag and candidate, message to verify, repository.
  ...['TransactWrite', 'SendMessage', 'TransactWrite'],
  // Verify: verdict, stored signatures, candidate, message to ingest.
  ...['Put', 'PutObject', 'TransactWrite', 'SendMessage'],
  // Ingest: manifest, layer, file index, provider, version, look at late attestations.
  ...['PutObject', 'CreateMultipartUpload', 'UploadPart', 'UploadPart', 'CompleteMultipartUpload'],
  ...['PutObject', 'Put', 'TransactWrite', 'SendMessage'],
];
const versionMade = writes.lastIndexOf('TransactWrite') + 1;
const each = writes.map((write, index) => [index + 1, write] as const);

/** Two parts of a multipart upload. */
const bytes = 8 * 1024 ** 2 + 100_000;

/** A stop before the layer is uploaded does not depend on how large the layer is. */
function bytesFor(write: number): number {
  return write < writes.indexOf('CreateMultipartUpload') ? 5000 : bytes;
}

let registry: DockerRegistry;
let stage: Stage;
let services: Services;

beforeAll(async () => {
  registry = await startDockerRegistry();
  const parked = await withOwnTable(await alone(servicesFromEnvironment()));
  // A budget that one row holds, so that the writes of all walks are the same.
  const budgets = { [registry.host]: { requests_per_second: 120, concurrency: 100 } };

  // Workers that died hold places of their account, which here is the only one.
  const settings = { ...parked.settings, budgets, accountSharePercent: 100 };
  services = { ...parked, settings };
  stage = {
    world: await World.create(registry.host, services),
    services,
    client: new RegistryClient({ host: registry.host }),
    key: authorKey(),
  };

  // The row is made when it is first asked for.
  await walk(services, 'first', (await publishRandom(stage, 'first')).digest);
});
afterAll(async () => {
  await stage.world.close();
  await registry.stop();
});

/** One worker after the other, each of which may fail. */
async function walk(worker: Services, name: string, digest: string): Promise<void> {
  const message = messageOf(stage.world, name, digest);
  const { account, module } = message;

  await pollRepository(worker, { account, module, recheck: true }).catch(() => undefined);
  await verifyCandidate(worker, message).catch(() => undefined);
  await ingestCandidate(worker, message).catch(() => undefined);
}

/** A module whose candidate is verified and whose ingest is the test's to do. */
async function verified(
  name: string,
): Promise<{ digest: string; layer: string; ingest: (worker: Services) => Promise<unknown> }> {
  const published = await publishRandom(stage, name, bytes);
  const message = messageOf(stage.world, name, published.digest);

  await pollAlone(services, stage.world.account, name, published.digest);
  await verifyCandidate(services, message);
  return { ...published, ingest: (worker) => ingestCandidate(worker, message) };
}

describe('on the way from a tag to a version', () => {
  it('these are all writes', async () => {
    const { digest } = await publishRandom(stage, 'whole', bytes);
    const { worker, writes: made } = stoppedAt(services, 0, 'fails');

    await walk(worker, 'whole', digest);
    expect(made).toEqual(writes);
    await expectOnce(stage, 'whole', digest);
  });

  it.concurrent.each(each)(
    'a worker that dies right after write %i, %s, leaves nothing half-visible, and another makes one version',
    async (n) => {
      const name = `killed-${n}`;
      const { digest } = await publishRandom(stage, name, bytesFor(n));
      const { worker, writes: made } = stoppedAt(services, n, 'kills');

      await walk(worker, name, digest);
      expect(made).toEqual(writes.slice(0, n));
      if (n < versionMade) await expectNothing(stage, name, digest);
      else await expectOnce(stage, name, digest);
      await walk(services, name, digest);
      await expectOnce(stage, name, digest);
    },
  );

  it.concurrent.each(each)(
    'the next attempt completes the work after write %i, %s, fails',
    async (n) => {
      const name = `failing-${n}`;
      const { digest } = await publishRandom(stage, name, bytesFor(n));
      const { worker, writes: made } = stoppedAt(services, n, 'fails');

      await walk(worker, name, digest);
      await walk(worker, name, digest);
      expect(made.length).toBeGreaterThan(n);
      await expectOnce(stage, name, digest);
    },
  );
});

describe('a candidate whose ingest died', () => {
  it('is due an hour after its verification, before its message returns', async () => {
    const { digest, ingest } = await verified('stuck');
    await ingest(stoppedAt(services, 1, 'kills').worker).catch(() => undefined);
    await expectNothing(stage, 'stuck', digest);

    const id = stage.world.id('stuck', digest);
    const dueIn = async (minutes: number) => {
      const time = new Date(Date.now() + minutes * 60_000).toISOString();
      const candidates = await dueCandidates(services.db, time, 10_000);
      return candidates.some((candidate) => candidate.id === id);
    };

    expect(await dueIn(55)).toBe(false);
    expect(await dueIn(61)).toBe(true);

    // The schedule sends it to verify, which sends it to ingest.
    const message = messageOf(stage.world, 'stuck', digest);
    expect(await verifyCandidate(services, message)).toBe('verified');
    await ingest(services);
    await expectOnce(stage, 'stuck', digest);
  });
});

describe('an ingest that AWS throttles', () => {
  it('a little does not stop anything: the SDK retries', async () => {
    const { digest, ingest } = await verified('throttled');
    const { busy, count } = throttled(services, (_, attempt) => attempt === 1);

    await ingest(busy);
    expect(count()).toBeGreaterThan(10);
    await expectOnce(stage, 'throttled', digest);
  });

  it.concurrent.each([
    ['the manifest’s object', 'PutObject'],
    ['a part of the layer', 'UploadPart'],
    ['the end of the layer', 'CompleteMultipartUpload'],
    ['the capabilities it offers', 'PutItem'],
    ['the version', 'TransactWriteItems'],
  ])('too much at %s is no verdict, and the next try makes one version', async (what, command) => {
    const name = `throttled-${command.toLowerCase()}`;
    const { digest, layer, ingest } = await verified(name);
    const always: Throttle = (asked) => asked === command;

    await expect(ingest(throttled(services, always).busy), what).rejects.toThrow();
    await expectNothing(stage, name, digest);
    expect(await stage.world.candidate(name, digest)).toMatchObject({ state: 'verified' });

    if (/Upload/.test(command)) {
      expect(
        await hasObject(services.objects, objectKeys.artifact(stage.world.account, layer)),
      ).toBe(false);
    }

    await ingest(services);
    await expectOnce(stage, name, digest);
  });

  it('leaves no upload behind where it could still say so', async () => {
    const { layer, ingest } = await verified('tidy');
    await expect(
      ingest(throttled(services, (asked) => asked === 'UploadPart').busy),
    ).rejects.toThrow();

    const { s3, bucket } = services.objects;
    const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }));

    expect(
      Uploads.filter(({ Key }) => Key === objectKeys.artifact(stage.world.account, layer)),
    ).toEqual([]);
  });

  it('inside its last transaction waits with the reason, and the next try makes one version', async () => {
    const { digest, ingest } = await verified('cancelled');
    const cancelled = servicesFromEnvironment();
    const reasons = [{ Code: 'None' }, { Code: 'ThrottlingError', Message: 'Rate exceeded' }];
    let left = 1;

    cancelled.db.client.middlewareStack.add(
      (next) => async (args) => {
        if (!('TransactItems' in args.input) || left-- <= 0) return next(args);
        throw new TransactionCanceledException({
          message: 'cancelled',
          $metadata: {},
          CancellationReasons: reasons,
        });
      },
      { step: 'initialize', name: TransactWriteCommand.name },
    );

    const worker = {
      ...services,
      aws: cancelled.aws,
      db: { ...cancelled.db, table: services.db.table },
      objects: cancelled.objects,
    };

    await expect(ingest(worker)).rejects.toThrow('cancelled');
    await expectNothing(stage, 'cancelled', digest);

    const waiting = await stage.world.candidate('cancelled', digest);
    expect(waiting).toMatchObject({ state: 'verified', code: 'unavailable', attempts: 1 });
    await ingest(services);
    await expectOnce(stage, 'cancelled', digest);
  });
});
