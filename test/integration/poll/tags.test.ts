import { describe, expect } from 'vitest';
import { ingestCandidate } from '../../../shared/actions/ingest/index.ts';
import { pollRepository } from '../../../shared/actions/poll/index.ts';
import { verifyCandidate } from '../../../shared/actions/verify/index.ts';
import { mediaTypes } from '../../../shared/registry/index.ts';
import { getTag } from '../../../shared/store/poll/index.ts';
import { apiAs } from '../../support/api.ts';
import { retag as retagIn } from '../../support/docker-registry.ts';
import { eventsOf, offSchedule, pollAlone, pushManifest, walk } from '../../support/flow.ts';
import { type Flow, flowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, type World } from '../../support/world.ts';

const key = authorKey();
const commit = '0123456789abcdef0123456789abcdef01234567';

async function register({ world, services }: Flow, name: string): Promise<void> {
  await world.register(name, key);
  await offSchedule(services, world.account, name);
}

const publish = (world: World, name: string, content: string, tag: string) =>
  world.publish({ name, files: { 'etc/content': content } }, tag, key);

const look = ({ world, services }: Flow, name: string) =>
  pollRepository(services, { account: world.account, module: name, recheck: true });

const retag = ({ registry, world }: Flow, name: string, digest: string, tag: string) =>
  retagIn(registry, `${world.account}/${name}`, digest, tag);

async function eventsAbout(
  { world, services }: Flow,
  type: Parameters<typeof eventsOf>[2],
  subject: string,
) {
  return (await eventsOf(services, world.account, type)).filter(
    (event) => event.subject === subject,
  );
}

describe('a tag that moves', () => {
  it('after its version was ingested changes nothing and is announced once', async ({
    flow,
    world,
    services,
  }) => {
    await register(flow, 'moved');
    const digest = await publish(world, 'moved', 'one', 'v1.0.0');

    await walk(services, world.account, 'moved', digest);
    const before = await world.version('moved', digest);
    const other = await publish(world, 'moved', 'two', 'v1.0.0');

    await Promise.all(Array.from({ length: 10 }, () => look(flow, 'moved')));

    expect(await world.version('moved', digest)).toEqual(before);
    expect(await world.candidate('moved', other)).toBeNull();
    expect(await getTag(services.db, world.account, 'moved', 'v1.0.0')).toMatchObject({
      digest,
      moved_to: other,
    });
    expect(await eventsAbout(flow, 'gantry.tag.moved', 'module/moved')).toMatchObject([
      { data: { code: 'tag_moved', tag: 'v1.0.0', from: digest, to: other } },
    ]);

    await retag(flow, 'moved', digest, 'v1.0.0');
    await look(flow, 'moved');
    expect(await getTag(services.db, world.account, 'moved', 'v1.0.0')).toMatchObject({
      digest,
      moved_to: null,
    });
  });

  it('before its version was ingested names the new digest, and the old one goes no further', async ({
    flow,
    world,
    services,
  }) => {
    await register(flow, 'early');
    const old = await publish(world, 'early', 'one', 'v1.0.0');
    const { id } = await pollAlone(services, world.account, 'early', old);
    const message = { account: world.account, module: 'early', version_id: id };

    await verifyCandidate(services, message);
    const digest = await publish(world, 'early', 'two', 'v1.0.0');

    expect(await walk(services, world.account, 'early', digest)).toMatchObject({
      state: 'ingested',
    });

    await ingestCandidate(services, message);
    await verifyCandidate(services, message);
    expect(await world.version('early', old)).toBeNull();

    expect(await world.candidate('early', old)).toMatchObject({
      state: 'rejected',
      code: 'tag_moved',
      tags: [],
    });

    expect(await world.version('early', digest)).toMatchObject({ version_string: '1.0.0' });
  });

  it('and comes back before anything was ingested makes its first digest a version', async ({
    flow,
    world,
    services,
  }) => {
    await register(flow, 'back');
    const first = await publish(world, 'back', 'one', 'v1.0.0');

    await pollAlone(services, world.account, 'back', first);
    const second = await publish(world, 'back', 'two', 'v1.0.0');

    await pollAlone(services, world.account, 'back', second);
    await retag(flow, 'back', first, 'v1.0.0');
    expect(await walk(services, world.account, 'back', first)).toMatchObject({
      state: 'ingested',
      tags: ['v1.0.0'],
    });
    expect(await world.candidate('back', second)).toMatchObject({
      state: 'rejected',
      code: 'tag_moved',
    });
  });
});

// The workflow of Powernode's modules pushes `v1.0.0-amd64` and `v1.0.0-arm64`, then their index.
describe('a tag of a build', () => {
  it('is one of its index, also where the build was verified before', async ({
    flow,
    world,
    services,
    client,
  }) => {
    await register(flow, 'builds');
    const build = await publish(world, 'builds', 'one', 'v1.0.0-amd64');
    const { id } = await pollAlone(services, world.account, 'builds', build);
    const message = { account: world.account, module: 'builds', version_id: id };
    await verifyCandidate(services, message);

    const repository = `${world.account}/builds`;
    const { size } = await client.getManifest(repository, build);
    const platform = { os: 'linux', architecture: 'amd64' };
    const manifests = [{ mediaType: mediaTypes.manifest, digest: build, size, platform }];
    const index = await pushManifest(client, repository, 'v1.0.0', mediaTypes.index, { manifests });

    await ingestCandidate(services, message);
    expect(await world.candidate('builds', build)).toMatchObject({
      state: 'rejected',
      code: 'tag_of_build',
    });

    await look(flow, 'builds');
    expect(await world.candidate('builds', build)).toMatchObject({
      state: 'rejected',
      code: 'tag_of_build',
      tags: [],
    });
    expect(await world.candidate('builds', index.digest)).toMatchObject({
      version_string: '1.0.0',
      tags: ['v1.0.0', 'v1.0.0-amd64'],
    });
  });
});

describe('a version', () => {
  it('that a commit named gets its name from the semver tag that comes later, while it is built', async ({
    flow,
    world,
    services,
  }) => {
    await register(flow, 'named');
    const digest = await publish(world, 'named', 'one', commit);

    await walk(services, world.account, 'named', digest);
    expect(await world.version('named', digest)).toMatchObject({
      version_string: '0.0.0+git.0123456789ab',
    });
    await retag(flow, 'named', digest, 'v3.0.0');
    await Promise.all(Array.from({ length: 5 }, () => look(flow, 'named')));
    await retag(flow, 'named', digest, 'v3.0.1');
    await look(flow, 'named');
    expect(await world.version('named', digest)).toMatchObject({
      version_string: '3.0.0',
      tags: [commit, 'v3.0.0', 'v3.0.1'],
    });

    const subject = `version/${world.id('named', digest)}`;
    expect(await eventsAbout(flow, 'gantry.version.named', subject)).toHaveLength(1);
  });

  it('is named by its semver tag where a commit’s tag comes with it', async ({
    flow,
    world,
    services,
  }) => {
    await register(flow, 'both');
    const digest = await publish(world, 'both', 'one', commit);

    await retag(flow, 'both', digest, '1.2.3');
    await walk(services, world.account, 'both', digest);
    expect(await world.version('both', digest)).toMatchObject({
      version_string: '1.2.3',
      tags: ['1.2.3', commit],
    });
  });

  it('comes of digits alone only where the registration takes them as a commit', async ({
    flow,
    world,
  }) => {
    await register(flow, 'digits');
    const digest = await publish(world, 'digits', 'one', '1234567');
    await look(flow, 'digits');
    expect(await world.candidate('digits', digest)).toBeNull();

    const { call } = apiAs(world.token);
    const asked = await call('PATCH', '/modules/digits', { digit_commits: true });
    expect(await world.operation(asked.body.operation.id)).toMatchObject({ state: 'succeeded' });

    // The change has the module polled.
    const version = await eventually('the version', () => world.version('digits', digest));
    expect(version).toMatchObject({
      version_string: '0.0.0+git.1234567',
      tags: ['1234567'],
    });
    const { body } = await call('GET', '/modules/digits');
    expect(body.module).toMatchObject({ digit_commits: true });
  });

  it('string that another digest has is refused with version_exists', async ({
    flow,
    world,
    services,
  }) => {
    await register(flow, 'taken');
    const first = await publish(world, 'taken', 'one', 'v1.0.0');

    await walk(services, world.account, 'taken', first);
    const second = await publish(world, 'taken', 'two', '1.0.0');
    const refused = await walk(services, world.account, 'taken', second);

    expect(refused).toMatchObject({
      state: 'rejected',
      code: 'version_exists',
      next_verify_at: null,
    });

    expect(refused.message).toContain('1.0.0');
    expect(await world.version('taken', second)).toBeNull();
  });

  it('string goes to one of two digests that are ingested concurrently', async ({
    flow,
    world,
    services,
  }) => {
    await register(flow, 'race');
    const digests = [
      await publish(world, 'race', 'one', 'v1.0.0'),
      await publish(world, 'race', 'two', '1.0.0'),
    ];

    await Promise.all(digests.map((digest) => walk(services, world.account, 'race', digest)));
    const states = await Promise.all(digests.map((digest) => world.candidate('race', digest)));

    expect(states.map((candidate) => candidate?.code).sort()).toEqual([null, 'version_exists']);
  });
});
