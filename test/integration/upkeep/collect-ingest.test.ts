import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { DeleteObjectCommand } from '@aws-sdk/client-s3';
import { DeleteCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { Services } from '../../../shared/actions/context/index.ts';
import { readFileIndex } from '../../../shared/actions/files/index.ts';
import {
  ingestCandidate,
  renewFileIndexes,
  scheduleIndexRenewals,
} from '../../../shared/actions/ingest/index.ts';
import { collectObjects } from '../../../shared/actions/upkeep/index.ts';
import { verifyCandidate } from '../../../shared/actions/verify/index.ts';
import { decodeFileIndex, rebuildLayer } from '../../../shared/artifact/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import { RegistryClient } from '../../../shared/registry/index.ts';
import { createVersion, saveBuilds } from '../../../shared/store/modules/index.ts';
import { getBytes, objectKeys, putByDigest } from '../../../shared/store/objects.ts';
import { transact } from '../../../shared/store/table/index.ts';
import { aDayLater, present } from '../../support/aging.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import { stoppedAt } from '../../support/faults.ts';
import { alone, pollAlone } from '../../support/flow.ts';
import { messageOf, publishRandom, type Stage } from '../../support/once.ts';
import { hold } from '../../support/operations.ts';
import { storedVersion } from '../../support/stored.ts';
import { authorKey, World } from '../../support/world.ts';

const key = authorKey();
let registry: DockerRegistry;
let stage: Stage;

beforeAll(async () => {
  registry = await startDockerRegistry();
});
afterAll(() => registry.stop());
beforeEach(async () => {
  stage = await stageOf(await World.create(registry.host));
});
afterEach(() => stage.world.close());

async function stageOf(world: World): Promise<Stage> {
  const client = new RegistryClient({ host: registry.host });
  return { world, services: await alone(world.services), client, key };
}

const collect = (services: Services) => collectObjects(services, { account: stage.world.account });

/** Publishes a module and has it verified; returns what ingest gets. */
async function verified(name: string) {
  const { world, services } = stage;
  const published = await publishRandom(stage, name);
  const message = messageOf(world, name, published.digest);

  await pollAlone(services, world.account, name, published.digest);
  await verifyCandidate(services, message);
  return { ...published, message };
}

async function ingested(name: string): Promise<Version> {
  const { digest, message } = await verified(name);
  await ingestCandidate(stage.services, message);

  const version = await stage.world.version(name, digest);
  if (version === null) throw new Error(`expected a version of ${name}`);

  return version;
}

/** The keys of all that a version is made of. */
function objectsOf({ account, digest, stored_signatures_key, builds }: Version): string[] {
  const artifacts = builds.flatMap(({ manifest_digest, layer_digest }) => [
    manifest_digest,
    layer_digest,
  ]);
  const keys = [digest, ...artifacts].map((artifact) => objectKeys.artifact(account, artifact));

  return [
    ...new Set([
      ...keys,
      ...builds.map(({ file_index_key }) => file_index_key),
      stored_signatures_key,
    ]),
  ];
}

/** What an ingest leaves that never came to a version; answers its keys. */
async function orphans(account: string): Promise<string[]> {
  const digest = `sha256:${randomBytes(32).toString('hex')}`;
  const keys = [objectKeys.artifact, objectKeys.fileIndex, objectKeys.storedSignatures].map(
    (keyOf) => keyOf(account, digest),
  );
  for (const one of keys)
    await putByDigest(
      stage.services.objects,
      { key: one, body: 'xyz', type: 'text/plain' },
      new Date(),
    );

  return keys;
}

it('what was left by ingests that were never finished is collected, what versions and candidates name is not', async () => {
  const { world, services } = stage;
  const named = objectsOf(await ingested('whole'));

  expect(named).toHaveLength(4);
  const { digest } = await verified('on-its-way');
  const signatures = (await world.candidate('on-its-way', digest))?.stored_signatures_key ?? '';
  const left = await orphans(world.account);
  const other = await orphans(`${world.account}-other`);
  const later = await aDayLater();
  const young = await orphans(world.account);

  expect(await collect(later)).toEqual({ objects: 3, bytes: 9 });
  expect(await present(services, left)).toEqual([]);
  for (const kept of [named, [signatures], other, young])
    expect(await present(services, kept)).toEqual(kept);
});

it('an ingest that finds objects of an earlier one during the collection keeps everything that it names', async () => {
  const { world, services } = stage;
  const { digest, message } = await verified('again');

  // The earlier one got as far as lease, manifest, layer and file index, unless a conflict let it
  // take the lease twice.
  const earlier = stoppedAt(services, 4, 'kills');
  await expect(ingestCandidate(earlier.worker, message)).rejects.toThrow('dead');
  const put = earlier.writes.filter((name) => /^(PutObject|CompleteMultipart)/.test(name));
  expect(put.length).toBeGreaterThanOrEqual(2);

  const later = await aDayLater();
  const slow = hold(await aDayLater(), 'DeleteObjectsCommand');
  const collecting = collect(slow.services);

  await slow.reached;
  await ingestCandidate(later, message);
  slow.release();
  expect((await collecting).objects).toBe(put.length);

  const version = await world.version('again', digest);
  const named = version === null ? [] : objectsOf(version);

  expect(named).toHaveLength(4);
  await collect(await aDayLater());
  expect(await present(services, named)).toEqual(named);
});

it('all of a module’s versions are read, page after page', async () => {
  const { world, services } = stage;
  await world.register('many', key);

  const globs = Array.from({ length: 500 }, (_, i) => `/usr/share/doc/${i}/${'x'.repeat(60)}`);
  const keys: string[] = [];

  for (let i = 0; i < 40; i++) {
    const version = storedVersion(world.account, 'many', `1.${i}.0`, {
      manifest: { file_spec: globs },
    });
    await transact(services.db, [
      createVersion({ ...version, promotion_state: i % 2 === 0 ? 'built' : 'retired' }),
    ]);
    keys.push(objectKeys.artifact(world.account, version.digest));
  }

  for (const one of keys)
    await putByDigest(services.objects, { key: one, body: 'xyz', type: 'text/plain' }, new Date());
  expect(await collect(await aDayLater())).toEqual({ objects: 0, bytes: 0 });
  expect(await present(services, keys)).toEqual(keys);
});

it('two accounts that ingest the same artifact have an object each, and one’s end leaves the other', async () => {
  const { services } = stage;
  const mine = await ingested('same');
  const theirs = await stageOf(await World.create(registry.host));
  const { account } = theirs.world;

  await theirs.world.register('same', key, { repository: stage.world.repository('same') });
  await pollAlone(theirs.services, account, 'same', mine.digest);

  const message = messageOf(theirs.world, 'same', mine.digest);
  await verifyCandidate(theirs.services, message);

  const from = stage.world.account;
  await ingestCandidate(theirs.services, message);

  const version = await theirs.world.version('same', mine.digest);
  if (version === null) throw new Error('expected a version in the other account');

  const [myKeys, theirKeys] = [objectsOf(mine), objectsOf(version)];
  expect(theirKeys).toEqual(
    myKeys.map((one) => one.replace(`accounts/${from}/`, `accounts/${account}/`)),
  );

  // What no version of mine names any more goes, bytes and all; my candidate still names the stored
  // signatures.
  const layer = objectKeys.artifact(account, version.builds[0]?.layer_digest ?? '');
  const before = Buffer.from(await getBytes(services.objects, layer));
  const gone = await aDayLater();
  const { db } = services;
  const Key = { pk: `${from}#version#${mine.id}`, sk: 'version' };

  await db.client.send(new DeleteCommand({ TableName: db.table, Key }));
  expect((await collect(gone)).objects).toBe(myKeys.length - 1);
  expect(await present(services, theirKeys)).toEqual(theirKeys);
  expect(Buffer.from(await getBytes(services.objects, layer))).toEqual(before);
  await theirs.world.close();
});

it('a file index of the first format is written again, and the layer is rebuilt from it', async () => {
  const { world, services } = stage;
  const { objects } = services;
  const ingestedNow = await ingested('indexed');
  const [build] = ingestedNow.builds;
  if (build === undefined) throw new Error('expected a build');

  const old = objectKeys.fileIndex(world.account, build.layer_digest).replace('.2.', '.');
  const entries = await readFileIndex(objects, build.file_index_key);
  const body = gzipSync(JSON.stringify({ format: 1, entries }));
  await putByDigest(objects, { key: old, body, type: 'application/gzip' }, new Date());
  await transact(services.db, [saveBuilds(ingestedNow, [{ ...build, file_index_key: old }])]);
  const { bucket: Bucket, s3 } = objects;
  await s3.send(new DeleteObjectCommand({ Bucket, Key: build.file_index_key }));

  const message = {
    account: world.account,
    module: 'indexed',
    version_id: ingestedNow.id,
    reindex: true,
  };
  expect(await scheduleIndexRenewals(services)).toBeGreaterThan(0);
  const outcomes = [
    await renewFileIndexes(stoppedAt(services, 1, 'kills').worker, message).catch(() => 'dead'),
    await renewFileIndexes(services, message),
    await renewFileIndexes(services, message),
  ];
  expect(outcomes).toEqual(['dead', 'renewed', 'settled']);

  const version = await world.version('indexed', ingestedNow.digest);
  expect(version?.builds).toEqual(ingestedNow.builds);

  const layer = await getBytes(objects, objectKeys.artifact(world.account, build.layer_digest));
  const index = await decodeFileIndex(await getBytes(objects, build.file_index_key));
  const rebuilt = rebuildLayer(index, ({ offset = 0, size }) =>
    layer.subarray(offset, offset + size),
  );
  expect(Buffer.concat(await Array.fromAsync(rebuilt)).equals(layer)).toBe(true);
});
