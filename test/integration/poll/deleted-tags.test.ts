import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
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
import { setUpProxiedFlow } from '../../support/set-up.ts';
import { authorKey } from '../../support/world.ts';

const key = authorKey();

const { registry, proxy, world, services } = await setUpProxiedFlow();

/** Registers a module and publishes it once; answers the digest. */
async function published(name: string, tag = 'v1.0.0'): Promise<string> {
  await world.register(name, key);
  await offSchedule(services, world.account, name);
  return publish(name, 'one', tag);
}

const publish = (name: string, content: string, tag: string) =>
  world.publish({ name, files: { 'etc/content': content } }, tag, key);
const place = (name: string) => `${world.account}/${name}`;
/** As the schedule has it polled: known tags are not due to be looked at. */
const poll = (name: string) => pollRepository(services, { account: world.account, module: name });
const tagOf = (name: string, tag = 'v1.0.0') => getTag(services.db, world.account, name, tag);

async function deletions(name: string) {
  const events = await eventsOf(services, world.account, 'gantry.tag.deleted');
  return events.filter(({ subject }) => subject === `module/${name}`).map(({ data }) => data);
}

describe('a tag that is deleted', () => {
  it('after its version was ingested is noted and told once, and the version stays', async () => {
    const digest = await published('kept');
    await walk(services, world.account, 'kept', digest);

    const before = await world.version('kept', digest);
    await deleteTag(registry, place('kept'), 'v1.0.0');
    await Promise.all(Array.from({ length: 5 }, () => poll('kept')));
    await poll('kept');

    expect(await world.version('kept', digest)).toEqual(before);
    expect(await world.candidate('kept', digest)).toMatchObject({ state: 'ingested' });
    expect((await tagOf('kept'))?.gone_at).not.toBeNull();
    expect(await deletions('kept')).toEqual([{ tag: 'v1.0.0', digest }]);

    const { reason } = await explainArtifact(services, world.caller, {
      module: 'kept',
      ref: 'v1.0.0',
    });
    expect(reason.message).toContain('tag v1.0.0 has been missing from the registry since');
  });

  it('before its version was ingested takes its candidate with it, wherever that is on its way', async () => {
    const digest = await published('withdrawn');
    const { id } = await pollAlone(services, world.account, 'withdrawn', digest);
    const message = { account: world.account, module: 'withdrawn', version_id: id };

    await verifyCandidate(services, message);
    await deleteTag(registry, place('withdrawn'), 'v1.0.0');
    await poll('withdrawn');
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

  it('while its layer is on its way stops it before it is a version', async () => {
    const digest = await published('midway');
    const { id } = await pollAlone(services, world.account, 'midway', digest);
    const message = { account: world.account, module: 'midway', version_id: id };

    await verifyCandidate(services, message);
    const slow = holdPuts();
    const ingesting = ingestCandidate(slow.services, message);

    await slow.reached;
    await deleteTag(registry, place('midway'), 'v1.0.0');
    await poll('midway');
    slow.release();
    await ingesting;
    expect(await world.version('midway', digest)).toBeNull();
    expect(await world.candidate('midway', digest)).toMatchObject({
      state: 'rejected',
      code: 'tag_deleted',
    });
  });

  it('leaves a candidate to the tags that still name it', async () => {
    const digest = await published('aliased');
    await retag(registry, place('aliased'), digest, 'v1.0.1');
    await pollAlone(services, world.account, 'aliased', digest);
    await deleteTag(registry, place('aliased'), 'v1.0.0');

    const ingested = await walk(services, world.account, 'aliased', digest);
    expect(ingested).toMatchObject({
      state: 'ingested',
      tags: ['v1.0.1'],
      version_string: '1.0.1',
    });
  });

  it('and comes back with its digest makes it a version', async () => {
    const digest = await published('returned');
    await pollAlone(services, world.account, 'returned', digest);
    await deleteTag(registry, place('returned'), 'v1.0.0');
    await poll('returned');
    await retag(registry, place('returned'), digest, 'v1.0.0');
    expect(await walk(services, world.account, 'returned', digest)).toMatchObject({
      state: 'ingested',
    });
    expect(await tagOf('returned')).toMatchObject({ digest, gone_at: null });
  });

  it('and comes back days later is waited for as if it were new', async () => {
    await world.register('days-later', key);
    await offSchedule(services, world.account, 'days-later');

    const tar = await world.build({ name: 'days-later', files: { 'etc/content': 'one' } });
    const digest = await world.push(tar, 'days-later', 'v1.0.0');
    const { id } = await pollAlone(services, world.account, 'days-later', digest);
    const message = { account: world.account, module: 'days-later', version_id: id };

    await deleteTag(registry, place('days-later'), 'v1.0.0');
    await poll('days-later');
    await retag(registry, place('days-later'), digest, 'v1.0.0');

    const days = hoursLater(services, 50);
    await pollRepository(days, { account: world.account, module: 'days-later', recheck: true });
    await verifyCandidate(days, message);

    const waiting = await world.candidate('days-later', digest);
    expect(waiting).toMatchObject({ state: 'awaiting_signature' });
    expect(Date.parse(waiting?.found_at ?? '')).toBeGreaterThan(Date.now() + 49 * 3600_000);
    expect(await listCandidates(services.db, world.account, 'days-later')).toEqual([waiting]);
  });

  it('and comes back with another digest is one that moved', async () => {
    const digest = await published('replaced');
    await walk(services, world.account, 'replaced', digest);
    await deleteTag(registry, place('replaced'), 'v1.0.0');
    await poll('replaced');

    const other = await publish('replaced', 'two', 'v1.0.0');
    await poll('replaced');
    expect(await tagOf('replaced')).toMatchObject({ digest, moved_to: other, gone_at: null });
    expect(await world.candidate('replaced', other)).toBeNull();
  });

  it('and comes back with another digest before anything was ingested makes that one a version', async () => {
    const first = await published('replaced-early');
    await pollAlone(services, world.account, 'replaced-early', first);
    await deleteTag(registry, place('replaced-early'), 'v1.0.0');
    await poll('replaced-early');

    const second = await publish('replaced-early', 'two', 'v1.0.0');
    expect(await walk(services, world.account, 'replaced-early', second)).toMatchObject({
      state: 'ingested',
    });
    expect(await world.candidate('replaced-early', first)).toMatchObject({
      state: 'rejected',
      code: 'tag_deleted',
    });
  });

  it('is only what the registry says it does not have: a list that lacks it is not enough', async () => {
    const digest = await published('unlisted');
    await walk(services, world.account, 'unlisted', digest);

    proxy.interfere = (request, response) => {
      if (!request.url?.includes('/unlisted/tags/list')) return false;
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end('{"name":"unlisted","tags":[]}');
      return true;
    };

    await poll('unlisted');
    proxy.interfere = null;
    expect(await tagOf('unlisted')).toMatchObject({ digest, gone_at: null });
  });
});

describe('a list of more tags than one poll takes up, none of which there are', () => {
  it('does not have the repository polled again at once, over and over', async () => {
    await published('dangling', 'latest');
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

    await poll('dangling');
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
  it('is shown, asked less and less often, and takes no version with it', async () => {
    const digest = await published('gone');
    await walk(services, world.account, 'gone', digest);
    await deleteRepository(registry, place('gone'));

    const row = async () => getRepository(services.db, world.account, 'gone');
    await poll('gone');

    const first = await row();
    await poll('gone');
    expect(await row()).toMatchObject({ failures: 2, code: 'registry_not_found' });
    expect((await row())?.message).toContain(place('gone'));
    expect(Date.parse((await row())?.next_poll_at ?? '')).toBeGreaterThan(
      Date.parse(first?.next_poll_at ?? ''),
    );
    expect(await world.version('gone', digest)).toMatchObject({ promotion_state: 'built' });
    expect(await tagOf('gone')).toMatchObject({ gone_at: null });

    expect(await publish('gone', 'one', 'v1.0.0')).toBe(digest);
    await poll('gone');
    expect(await row()).toMatchObject({ failures: 0, code: null });
    expect(await world.version('gone', digest)).toMatchObject({ tags: ['v1.0.0'] });
  });

  it('has no candidate ingested whose bytes went with it', async () => {
    const digest = await published('gone-early');
    const { id } = await pollAlone(services, world.account, 'gone-early', digest);
    const message = { account: world.account, module: 'gone-early', version_id: id };

    await verifyCandidate(services, message);
    await deleteRepository(registry, place('gone-early'));
    await ingestCandidate(services, message);
    expect(await world.candidate('gone-early', digest)).toMatchObject({
      state: 'rejected',
      code: 'registry_not_found',
    });

    await publish('gone-early', 'one', 'v1.0.0');
    expect(await walk(services, world.account, 'gone-early', digest)).toMatchObject({
      state: 'ingested',
    });
  });
});
