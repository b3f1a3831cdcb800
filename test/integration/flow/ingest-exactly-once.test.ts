import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ingestCandidate } from '../../../shared/actions/ingest-candidate.ts';
import { pollRepository } from '../../../shared/actions/poll-repository.ts';
import type { Services } from '../../../shared/actions/services.ts';
import { verifyCandidate } from '../../../shared/actions/verify-candidate.ts';
import type { EventType } from '../../../shared/contract/events.ts';
import { RegistryClient } from '../../../shared/registry/index.ts';
import { hasObject, objectKeys } from '../../../shared/store/objects.ts';
import { listProviders } from '../../../shared/store/provider.ts';
import { listVersions } from '../../../shared/store/version.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import {
  alone,
  eventsOf,
  failingAt,
  moduleTar,
  offSchedule,
  pollAlone,
  pushLayers,
  type RegistryProxy,
  sha256,
  signDigest,
  startRegistryProxy,
} from '../../support/flow.ts';
import { directoryEntry, fileEntry } from '../../support/trees.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

const key = authorKey();
let registry: DockerRegistry;
let proxy: RegistryProxy;
let world: World;
let services: Services;
let client: RegistryClient;

beforeAll(async () => {
  registry = await startDockerRegistry();
  proxy = await startRegistryProxy(registry.host);
  client = new RegistryClient({ host: registry.host });
  world = await World.create(proxy.host);
  services = await alone(world.services);
});
afterAll(async () => {
  await world.close();
  await proxy.stop();
  await registry.stop();
});

/** Publishes a module with one file of random bytes; answers the artifact's digest and its layer's. */
async function publish(name: string, bytes = 5000): Promise<{ digest: string; layer: string }> {
  await world.register(name, key);
  await offSchedule(services, world.account, name);
  const repository = `${world.account}/${name}`;
  const content = randomBytes(bytes);
  const dependencies = { provides: [`${name}-service`] };
  const manifest = JSON.stringify({ schema_version: 1, name, file_spec: ['/**'], dependencies });
  const tar = await moduleTar(
    manifest,
    [directoryEntry('/'), fileEntry('/content', content)],
    new Map([['/content', content]]),
  );
  const { digest } = await pushLayers(client, repository, 'v1.0.0', [{ bytes: tar }]);
  await signDigest(client, repository, digest, key);
  return { digest, layer: sha256(tar) };
}

const messageOf = (name: string, digest: string) => {
  return { account: world.account, module: name, version_id: world.id(name, digest) };
};

async function countOf(type: EventType, name: string, digest: string): Promise<number> {
  const events = await eventsOf(services, world.account, type);
  return events.filter(({ subject }) => subject === `version/${world.id(name, digest)}`).length;
}

/** One version, told once at each stage. */
async function expectOnce(name: string, digest: string): Promise<void> {
  expect(await listVersions(services.db, world.account, name)).toMatchObject([
    { id: world.id(name, digest), promotion_state: 'built', version_string: '1.0.0' },
  ]);
  expect(await listProviders(services.db, world.account, `${name}-service`)).toEqual([name]);
  expect(await world.candidate(name, digest)).toMatchObject({ state: 'ingested', code: null, next_verify_at: null });
  for (const type of ['gantry.candidate.found', 'gantry.candidate.verified', 'gantry.version.ingested'] as const) {
    expect([type, await countOf(type, name, digest)]).toEqual([type, 1]);
  }
}

describe('the same message ten times at once', () => {
  const ten = <T>(work: () => Promise<T>) => Promise.all(Array.from({ length: 10 }, work));

  it('makes one version on the deployed stack, at every stage', async () => {
    const { digest } = await publish('deployed');
    const { sqs } = world.services.aws;
    const send = (stage: 'poll' | 'verify' | 'ingest', message: object) => {
      const QueueUrl = world.services.settings.queueUrls[stage];
      return ten(() => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(message) })));
    };
    await send('poll', { account: world.account, module: 'deployed', recheck: true });
    await eventually('the candidate', () => world.candidate('deployed', digest));
    await send('verify', messageOf('deployed', digest));
    await send('ingest', messageOf('deployed', digest));
    await world.inState('deployed', digest, 'ingested');
    await expectOnce('deployed', digest);
  });

  it('makes one version where ten workers really run at once', async () => {
    const { digest } = await publish('racing', 200_000);
    await ten(() => pollRepository(services, { account: world.account, module: 'racing', recheck: true }));
    await pollAlone(services, world.account, 'racing', digest);
    await ten(() => verifyCandidate(services, messageOf('racing', digest)));
    await ten(() => ingestCandidate(services, messageOf('racing', digest)));
    await expectOnce('racing', digest);
  });

  it('takes in the tag that came while the layer was on its way', async () => {
    const { digest } = await publish('tagged-meanwhile');
    const repository = `${world.account}/tagged-meanwhile`;
    await pollAlone(services, world.account, 'tagged-meanwhile', digest);
    await verifyCandidate(services, messageOf('tagged-meanwhile', digest));
    proxy.interfere = (request) => {
      // The layer's last step before the version is made: a tag is added between the two.
      if (request.method !== 'GET' || !request.url?.includes(`${repository}/blobs/`)) return false;
      tagged ??= client
        .getManifest(repository, digest)
        .then((manifest) => client.putManifest(repository, 'v1.0.1', manifest))
        .then(() => pollRepository(services, { account: world.account, module: 'tagged-meanwhile', recheck: true }));
      return false;
    };
    let tagged: Promise<void> | undefined;
    await ingestCandidate(services, messageOf('tagged-meanwhile', digest));
    await tagged;
    proxy.interfere = null;
    await expectOnce('tagged-meanwhile', digest);
    expect((await world.version('tagged-meanwhile', digest))?.tags).toEqual(['v1.0.0', 'v1.0.1']);
  });
});

describe('an ingest worker that is killed', () => {
  function worker(name: string, digest: string, ...how: string[]): ChildProcess {
    const script = join(import.meta.dirname, '../../support/ingest-once.ts');
    const message = JSON.stringify(messageOf(name, digest));
    return spawn(process.execPath, [script, message, ...how], { stdio: 'ignore' });
  }
  const ended = (child: ChildProcess) => new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));

  async function verified(name: string, bytes?: number) {
    const published = await publish(name, bytes);
    await pollAlone(services, world.account, name, published.digest);
    await verifyCandidate(services, messageOf(name, published.digest));
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
    await eventually('most of the layer to be on its way', async () => (sent() - from > 10 * 1024 ** 2 ? true : null));
    child.kill('SIGKILL');
    expect(await end).toBe('SIGKILL');
    proxy.blobBytesPerSecond = null;

    expect(await world.version('killed', digest)).toBeNull();
    expect(await hasObject(services.objects, objectKeys.artifact(world.account, layer))).toBe(false);
    expect(await world.candidate('killed', digest)).toMatchObject({ state: 'verified' });
    await ingestCandidate(services, messageOf('killed', digest));
    await expectOnce('killed', digest);
  });

  it('right before the last transaction leaves nothing visible either', async () => {
    const { digest, layer } = await verified('killed-late');
    expect(await ended(worker('killed-late', digest, 'die-before-commit'))).toBe('SIGKILL');
    expect(await hasObject(services.objects, objectKeys.artifact(world.account, layer))).toBe(true);
    expect(await world.version('killed-late', digest)).toBeNull();
    expect(await listVersions(services.db, world.account, 'killed-late')).toEqual([]);
    expect(await world.candidate('killed-late', digest)).toMatchObject({ state: 'verified' });
    await ingestCandidate(services, messageOf('killed-late', digest));
    await expectOnce('killed-late', digest);
  });
});

describe('a failure of the n-th write', () => {
  // Poll: tag and candidate, message, row. Verify: evidence, verdict, message. Ingest: manifest, layer, index, provider, version.
  it.concurrent.each(Array.from({ length: 11 }, (_, i) => i + 1))('%i is made good by the next try', async (n) => {
    const name = `failing-${n}`;
    const { digest } = await publish(name);
    const { broken, failed } = failingAt(services, n);
    for (let attempt = 0; attempt < 2; attempt++) {
      await pollRepository(broken, { account: world.account, module: name, recheck: true }).catch(() => undefined);
      await verifyCandidate(broken, messageOf(name, digest)).catch(() => undefined);
      await ingestCandidate(broken, messageOf(name, digest)).catch(() => undefined);
      if (attempt === 0 && n < 4) expect(failed()).toBe(true);
    }
    expect(failed()).toBe(true);
    await expectOnce(name, digest);
  });
});
