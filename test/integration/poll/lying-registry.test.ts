import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Services } from '../../../shared/actions/context/index.ts';
import { requestPoll } from '../../../shared/actions/modules/index.ts';
import { verifyCandidate } from '../../../shared/actions/verify/index.ts';
import { parseManifest, RegistryClient } from '../../../shared/registry/index.ts';
import { hasObject, objectKeys } from '../../../shared/store/objects.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import {
  alone,
  hoursLater,
  type Interference,
  offSchedule,
  pollAlone,
  type RegistryProxy,
  signDigest,
  startRegistryProxy,
  walk,
} from '../../support/flow.ts';
import { messageOf, publishRandom, type Stage } from '../../support/once.ts';
import { authorKey, World } from '../../support/world.ts';

const key = authorKey();
let registry: DockerRegistry;
let proxy: RegistryProxy;
let services: Services;
let stage: Stage;

beforeAll(async () => {
  registry = await startDockerRegistry();
  proxy = await startRegistryProxy(registry.host);

  const world = await World.create(proxy.host);
  services = await alone(world.services);
  stage = { world, services, client: new RegistryClient({ host: registry.host }), key };
});
afterAll(async () => {
  await stage.world.close();
  await proxy.stop();
  await registry.stop();
});

/** Returns other bytes for a path than the registry has there. */
function instead(
  path: string,
  bytes: Uint8Array,
  type: string,
  headers: Record<string, string> = {},
): Interference {
  return (request, response) => {
    if (!request.url?.endsWith(path)) return false;

    const content = { 'content-type': type, 'content-length': String(bytes.length) };
    response
      .writeHead(200, { ...content, ...headers })
      .end(request.method === 'HEAD' ? undefined : bytes);

    return true;
  };
}

const place = (name: string) => `${stage.world.account}/${name}`;

describe('a registry that returns another digest than the requested one', () => {
  it('for a manifest: nothing is taken in, and it is asked again until it is honest', async () => {
    const { digest } = await publishRandom(stage, 'manifest');
    const other = await publishRandom(stage, 'other-manifest');
    const { bytes, mediaType } = await stage.client.getManifest(
      place('other-manifest'),
      other.digest,
    );

    proxy.interfere = instead(`/manifest/manifests/${digest}`, bytes, mediaType);
    const refused = await walk(services, stage.world.account, 'manifest', digest);

    expect(refused).toMatchObject({ state: 'rejected', code: 'manifest_digest_mismatch' });
    expect(refused.message).toContain(digest);
    expect(refused.message).toContain(other.digest);
    expect(refused.next_verify_at).not.toBeNull();

    const taken = [digest, other.digest].map((one) =>
      objectKeys.artifact(stage.world.account, one),
    );
    for (const one of taken) expect(await hasObject(services.objects, one)).toBe(false);
    proxy.interfere = null;
    expect(await walk(services, stage.world.account, 'manifest', digest)).toMatchObject({
      state: 'ingested',
    });
  });

  it('with a redirect to a private address for a layer: it is taken in once that is over', async () => {
    const { digest } = await publishRandom(stage, 'redirect');
    const { bytes } = await stage.client.getManifest(place('redirect'), digest);
    const [layer] = parseManifest(bytes).layers;

    proxy.interfere = (request, response) => {
      if (!request.url?.endsWith(`/blobs/${layer?.digest}`)) return false;
      response.writeHead(302, { location: 'http://10.0.0.1:5000/' }).end();
      return true;
    };

    const waiting = await walk(services, stage.world.account, 'redirect', digest);
    expect(waiting).toMatchObject({ state: 'verified', code: 'address_refused' });
    expect(waiting.next_verify_at).not.toBeNull();
    proxy.interfere = null;
    expect(await walk(services, stage.world.account, 'redirect', digest)).toMatchObject({
      state: 'ingested',
    });
  });

  it('for a tag: a digest that it does not have is never a version', async () => {
    const { digest } = await publishRandom(stage, 'tag');
    const claimed = `sha256:${'5'.repeat(64)}`;
    const { bytes, mediaType } = await stage.client.getManifest(place('tag'), digest);

    proxy.interfere = instead('/tag/manifests/v1.0.0', bytes, mediaType, {
      'docker-content-digest': claimed,
    });

    const waiting = await walk(services, stage.world.account, 'tag', claimed);
    expect(waiting).toMatchObject({ state: 'awaiting_signature', digest: claimed });
    proxy.interfere = null;
    expect(await walk(services, stage.world.account, 'tag', digest)).toMatchObject({
      state: 'ingested',
    });
    expect(await stage.world.candidate('tag', claimed)).toMatchObject({
      state: 'rejected',
      code: 'tag_moved',
    });
  });

  it('for a signature: it does not count, another one does', async () => {
    const { world, client } = stage;
    const { digest } = await publishRandom(stage, 'signature');
    const listed = await client.fallbackReferrers(place('signature'), digest);
    const signature = listed?.descriptors[0];
    const other = await client.getManifest(place('signature'), digest);

    proxy.interfere = instead(`/manifests/${signature?.digest}`, other.bytes, other.mediaType);
    const { module, account } = messageOf(world, 'signature', digest);
    const refused = await walk(services, account, module, digest);

    expect(refused).toMatchObject({ state: 'rejected', code: 'manifest_digest_mismatch' });
    expect(refused.next_verify_at).not.toBeNull();
    await signDigest(client, place('signature'), digest, key);

    const accepted = await walk(services, account, module, digest);
    expect(accepted).toMatchObject({ state: 'ingested' });
    expect(accepted.signatures.map(({ code }) => code).sort()).toEqual([
      'manifest_digest_mismatch',
      'verified',
    ]);
    proxy.interfere = null;
  });
});

describe('a registry that fails on a signature that it lists', () => {
  it('has the artifact verified again, and not rejected', async () => {
    const { world, client } = stage;
    const { digest } = await publishRandom(stage, 'failing');
    const listed = await client.fallbackReferrers(place('failing'), digest);

    proxy.interfere = (request, response) => {
      if (!request.url?.endsWith(`/manifests/${listed?.descriptors[0]?.digest}`)) return false;
      response.writeHead(503).end();
      return true;
    };

    const waiting = await walk(services, world.account, 'failing', digest);
    expect(waiting).toMatchObject({ state: 'found', code: 'registry_error' });
    proxy.interfere = null;
    expect(await walk(services, world.account, 'failing', digest)).toMatchObject({
      state: 'ingested',
    });
  });
});

describe('a late signature', () => {
  /** A digest that was rejected because a stranger signed it; the author signs it only then. */
  async function rejected(name: string, at: Services) {
    const { world, client } = stage;
    await world.register(name, key);
    await offSchedule(services, world.account, name);

    const digest = await world.push(
      await world.build({ name, files: { 'etc/content': name } }),
      name,
      'v1.0.0',
    );

    await signDigest(client, place(name), digest, authorKey());
    await pollAlone(services, world.account, name, digest);
    await verifyCandidate(at, messageOf(world, name, digest));

    const candidate = await world.candidate(name, digest);
    await signDigest(client, place(name), digest, key);
    return { digest, candidate };
  }

  it('within 24 hours after a rejection makes a version when the schedule asks again', async () => {
    const { digest, candidate } = await rejected('late', services);
    expect(candidate).toMatchObject({ state: 'rejected' });
    expect(candidate?.next_verify_at).not.toBeNull();
    await verifyCandidate(services, messageOf(stage.world, 'late', digest));
    expect(await stage.world.candidate('late', digest)).toMatchObject({
      state: 'verified',
      code: null,
    });
  });

  it('later makes a version when an operator asks for a poll, and not before', async () => {
    const { world } = stage;
    const { digest, candidate } = await rejected('later', hoursLater(services, 25));

    expect(candidate).toMatchObject({ state: 'rejected', next_verify_at: null });
    await requestPoll(world.services, world.caller, 'later');
    await world.inState('later', digest, 'ingested');
  });
});

describe('the same content pushed again', () => {
  it('is the same version, also under the tag of another day', async () => {
    const { world, client } = stage;
    const { digest } = await publishRandom(stage, 'repushed');

    await walk(services, world.account, 'repushed', digest);
    const before = await world.version('repushed', digest);
    const { bytes, mediaType } = await client.getManifest(place('repushed'), digest);

    await client.putManifest(place('repushed'), 'v1.0.0', { bytes, mediaType });
    await walk(services, world.account, 'repushed', digest);
    expect(await world.version('repushed', digest)).toEqual(before);
    await client.putManifest(place('repushed'), 'v2.0.0', { bytes, mediaType });
    await walk(services, world.account, 'repushed', digest);

    expect(await world.version('repushed', digest)).toEqual({
      ...before,
      tags: ['v1.0.0', 'v2.0.0'],
      revision: (before?.revision ?? 0) + 1,
    });
  });
});
