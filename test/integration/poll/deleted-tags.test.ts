import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { describe, expect } from 'vitest';
import { ingestCandidate } from '../../../shared/actions/ingest/index.ts';
import { explainArtifact } from '../../../shared/actions/modules/index.ts';
import { pollRepository } from '../../../shared/actions/poll/index.ts';
import { verifyCandidate } from '../../../shared/actions/verify/index.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { listCandidates } from '../../../shared/store/candidates/index.ts';
import { getRepository, getTag } from '../../../shared/store/poll/index.ts';
import { deleteRepository, deleteTag, retag } from '../../support/docker-registry.ts';
import { eventsOf, hoursLater, offSchedule, pollAlone, walk } from '../../support/flow.ts';
import { holdPuts } from '../../support/operations.ts';
import { type Flow, proxiedFlowTest as it } from '../../support/set-up.ts';
import { authorKey, type World } from '../../support/world.ts';

const key = authorKey();

/** Registers a module and publishes it once; answers the digest. */
async function published({ world, services }: Flow, name: string, tag = 'v1.0.0'): Promise<string> {
  await world.register(name, key);
  await offSchedule(services, world.account, name);
  return publish(world, name, 'one', tag);
}

const publish = (world: World, name: string, content: string, tag: string) =>
  world.publish({ name, files: { 'etc/content': content } }, tag, key);
const place = (world: World, name: string) => `${world.account}/${name}`;
/** As the schedule has it polled: known tags are not due to be looked at. */
const poll = ({ world, services }: Flow, name: string) =>
  pollRepository(services, { account: world.account, module: name });
const tagOf = ({ world, services }: Flow, name: string, tag = 'v1.0.0') =>
  getTag(services.db, world.account, name, tag);

async function deletions({ world, services }: Flow, name: string) {
  const events = await eventsOf(services, world.account, 'gantry.tag.deleted');
  return events.filter(({ subject }) => subject === `module/${name}`).map(({ data }) => data);
}

describe('a tag that is deleted', () => {
  it('after its version was ingested is recorded and announced once, and the version stays', async ({
    flow,
    registry,
    world,
    services,
  }) => {
    const digest = await published(flow, 'kept');
    await walk(services, world.account, 'kept', digest);

    const before = await world.version('kept', digest);
    await deleteTag(registry, place(world, 'kept'), 'v1.0.0');
    await Promise.all(Array.from({ length: 5 }, () => poll(flow, 'kept')));
    await poll(flow, 'kept');

    expect(await world.version('kept', digest)).toEqual(before);
    expect(await world.candidate('kept', digest)).toMatchObject({ state: 'ingested' });
    expect((await tagOf(flow, 'kept'))?.gone_at).not.toBeNull();
    expect(await deletions(flow, 'kept')).toEqual([{ tag: 'v1.0.0', digest }]);

    const { reason } = await explainArtifact(services, world.caller, {
      module: 'kept',
      ref: 'v1.0.0',
    });
    expect(reason.message).toContain('tag v1.0.0 has been missing from the registry since');
  });

  it('before its version was ingested takes its candidate with it, wherever that is on its way', async ({
    flow,
    registry,
    world,
    services,
  }) => {
    const digest = await published(flow, 'withdrawn');
    const { id } = await pollAlone(services, world.account, 'withdrawn', digest);
    const message = { account: world.account, module: 'withdrawn', version_id: id };

    await verifyCandidate(services, message);
    await deleteTag(registry, place(world, 'withdrawn'), 'v1.0.0');
    await poll(flow, 'withdrawn');
    await verifyCandidate(services, message);
    await ingestCandidate(services, message);

    expect(await world.version('withdrawn', digest)).toBeNull();
    const candidate = await world.candidate('withdrawn', digest);

    expect(candidate).toMatchObject({
      state: 'rejected',
      code: 'tag_deleted',
      tags: [],
      next_verify_at: null,
    });

    expect(candidate?.message).toContain('v1.0.0, is gone');
  });

  it('while its layer is on its way stops it before it is a version', async ({
    flow,
    registry,
    world,
    services,
  }) => {
    const digest = await published(flow, 'midway');
    const { id } = await pollAlone(services, world.account, 'midway', digest);
    const message = { account: world.account, module: 'midway', version_id: id };

    await verifyCandidate(services, message);
    const slow = holdPuts();
    const ingesting = ingestCandidate(slow.services, message);

    await slow.reached;
    await deleteTag(registry, place(world, 'midway'), 'v1.0.0');
    await poll(flow, 'midway');
    slow.release();
    await ingesting;
    expect(await world.version('midway', digest)).toBeNull();
    expect(await world.candidate('midway', digest)).toMatchObject({
      state: 'rejected',
      code: 'tag_deleted',
    });
  });

  it('leaves a candidate to the tags that still name it', async ({
    flow,
    registry,
    world,
    services,
  }) => {
    const digest = await published(flow, 'aliased');
    await retag(registry, place(world, 'aliased'), digest, 'v1.0.1');
    await pollAlone(services, world.account, 'aliased', digest);
    await deleteTag(registry, place(world, 'aliased'), 'v1.0.0');

    const ingested = await walk(services, world.account, 'aliased', digest);
    expect(ingested).toMatchObject({
      state: 'ingested',
      tags: ['v1.0.1'],
      version_string: '1.0.1',
    });
  });

  it('and comes back with its digest makes it a version', async ({
    flow,
    registry,
    world,
    services,
  }) => {
    const digest = await published(flow, 'returned');
    await pollAlone(services, world.account, 'returned', digest);
    await deleteTag(registry, place(world, 'returned'), 'v1.0.0');
    await poll(flow, 'returned');
    await retag(registry, place(world, 'returned'), digest, 'v1.0.0');
    expect(await walk(services, world.account, 'returned', digest)).toMatchObject({
      state: 'ingested',
    });
    expect(await tagOf(flow, 'returned')).toMatchObject({ digest, gone_at: null });
  });

  it('and comes back days later is waited for as if it were new', async ({
    flow,
    registry,
    world,
    services,
  }) => {
    await world.register('days-later', key);
    await offSchedule(services, world.account, 'days-later');

    const tar = await world.build({ name: 'days-later', files: { 'etc/content': 'one' } });
    const digest = await world.push(tar, 'days-later', 'v1.0.0');
    const { id } = await pollAlone(services, world.account, 'days-later', digest);
    const message = { account: world.account, module: 'days-later', version_id: id };

    await deleteTag(registry, place(world, 'days-later'), 'v1.0.0');
    await poll(flow, 'days-later');
    await retag(registry, place(world, 'days-later'), digest, 'v1.0.0');

    const days = hoursLater(services, 50);
    await pollRepository(days, { account: world.account, module: 'days-later', recheck: true });
    await verifyCandidate(days, message);

    const waiting = await world.candidate('days-later', digest);
    expect(waiting).toMatchObject({ state: 'awaiting_signature' });
    expect(Date.parse(waiting?.found_at ?? '')).toBeGreaterThan(Date.now() + 49 * 3600_000);
    expect(await listCandidates(services.db, world.account, 'days-later')).toEqual([waiting]);
  });

  it('and comes back with another digest is one that moved', async ({
    flow,
    registry,
    world,
    services,
  }) => {
    const digest = await published(flow, 'replaced');
    await walk(services, world.account, 'replaced', digest);
    await deleteTag(registry, place(world, 'replaced'), 'v1.0.0');
    await poll(flow, 'replaced');

    const other = await publish(world, 'replaced', 'two', 'v1.0.0');
    await poll(flow, 'replaced');
    expect(await tagOf(flow, 'replaced')).toMatchObject({ digest, moved_to: other, gone_at: null });
    expect(await world.candidate('replaced', other)).toBeNull();
  });

  it('and comes back with another digest before anything was ingested makes that one a version', async ({
    flow,
    registry,
    world,
    services,
  }) => {
    const first = await published(flow, 'replaced-early');
    await pollAlone(services, world.account, 'replaced-early', first);
    await deleteTag(registry, place(world, 'replaced-early'), 'v1.0.0');
    await poll(flow, 'replaced-early');

    const second = await publish(world, 'replaced-early', 'two', 'v1.0.0');
    expect(await walk(services, world.account, 'replaced-early', second)).toMatchObject({
      state: 'ingested',
    });
    expect(await world.candidate('replaced-early', first)).toMatchObject({
      state: 'rejected',
      code: 'tag_deleted',
    });
  });

  it('is only what the registry says it does not have: a list that lacks it is not enough', async ({
    flow,
    proxy,
    world,
    services,
  }) => {
    const digest = await published(flow, 'unlisted');
    await walk(services, world.account, 'unlisted', digest);

    proxy.interfere = (request, response) => {
      if (!request.url?.includes('/unlisted/tags/list')) return false;
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"name":"unlisted","tags":[]}');
      return true;
    };

    await poll(flow, 'unlisted');
    proxy.interfere = null;
    expect(await tagOf(flow, 'unlisted')).toMatchObject({ digest, gone_at: null });
  });
});

describe('a list of more tags than one poll reads, none of which exist', () => {
  it('does not have the repository polled again immediately, over and over', async ({
    flow,
    proxy,
    world,
    services,
  }) => {
    await published(flow, 'dangling', 'latest');
    const tags = Array.from({ length: limits.freshTagsMax + 1 }, (_, i) => `v1.0.${i}`);

    proxy.interfere = (request, response) => {
      if (!request.url?.includes('/dangling/tags/list')) return false;
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ name: 'dangling', tags }));
      return true;
    };

    const { aws, settings } = services;
    const AttributeNames = ['ApproximateNumberOfMessages'] as const;
    const command = { QueueUrl: settings.queueUrls.poll, AttributeNames: [...AttributeNames] };
    const waiting = () => aws.sqs.send(new GetQueueAttributesCommand(command));
    const before = await waiting();

    await poll(flow, 'dangling');
    proxy.interfere = null;
    expect((await waiting()).Attributes).toEqual(before.Attributes);

    const row = await getRepository(services.db, world.account, 'dangling');
    expect(row).toMatchObject({ code: null, tags_hash: null });
    expect(Date.parse(row?.next_poll_at ?? '')).toBeLessThan(
      Date.now() + limits.pollSeconds * 1000,
    );
  });
});

describe('a repository that is deleted', () => {
  it('is shown, polled less and less often, and affects no version', async ({
    flow,
    registry,
    world,
    services,
  }) => {
    const digest = await published(flow, 'gone');
    await walk(services, world.account, 'gone', digest);
    await deleteRepository(registry, place(world, 'gone'));

    const row = async () => getRepository(services.db, world.account, 'gone');
    await poll(flow, 'gone');

    const first = await row();
    await poll(flow, 'gone');
    expect(await row()).toMatchObject({ failures: 2, code: 'registry_not_found' });
    expect((await row())?.message).toContain(place(world, 'gone'));
    expect(Date.parse((await row())?.next_poll_at ?? '')).toBeGreaterThan(
      Date.parse(first?.next_poll_at ?? ''),
    );
    expect(await world.version('gone', digest)).toMatchObject({ promotion_state: 'built' });
    expect(await tagOf(flow, 'gone')).toMatchObject({ gone_at: null });

    expect(await publish(world, 'gone', 'one', 'v1.0.0')).toBe(digest);
    await poll(flow, 'gone');
    expect(await row()).toMatchObject({ failures: 0, code: null });
    expect(await world.version('gone', digest)).toMatchObject({ tags: ['v1.0.0'] });
  });

  it('has no candidate ingested whose bytes went with it', async ({
    flow,
    registry,
    world,
    services,
  }) => {
    const digest = await published(flow, 'gone-early');
    const { id } = await pollAlone(services, world.account, 'gone-early', digest);
    const message = { account: world.account, module: 'gone-early', version_id: id };

    await verifyCandidate(services, message);
    await deleteRepository(registry, place(world, 'gone-early'));
    await ingestCandidate(services, message);
    expect(await world.candidate('gone-early', digest)).toMatchObject({
      state: 'rejected',
      code: 'registry_not_found',
    });

    await publish(world, 'gone-early', 'one', 'v1.0.0');
    expect(await walk(services, world.account, 'gone-early', digest)).toMatchObject({
      state: 'ingested',
    });
  });
});
