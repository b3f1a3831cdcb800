import { describe, expect } from 'vitest';
import { pollRepository } from '../../../shared/actions/poll/index.ts';
import { RegistryClient } from '../../../shared/registry/index.ts';
import { apiAs } from '../../support/api.ts';
import { dialects, startDialectRegistry } from '../../support/dialects.ts';
import { retag } from '../../support/docker-registry.ts';
import { eventsOf, offSchedule, signDigest, walk } from '../../support/flow.ts';
import { proxiedFlowTest as it } from '../../support/set-up.ts';
import { authorKey, eventually, World } from '../../support/world.ts';

const key = authorKey();

describe('a signed module', () => {
  it('becomes a version in every dialect', async ({ registry }) => {
    const proxy = await startDialectRegistry(registry.host);
    const world = await World.create(proxy.host);
    const names = Object.keys(dialects);
    const client = new RegistryClient({ host: registry.host });

    const digests = new Map<string, string>();
    for (const name of names) {
      const files = { 'etc/content': name };
      const digest = await world.push(await world.build({ name, files }), name, 'v1.0.0');
      await signDigest(client, `${world.account}/${name}`, digest, key);
      await retag(registry, `${world.account}/${name}`, digest, 'v0.9.0');
      digests.set(name, digest);
    }

    proxy.speaking = true;
    await Promise.all(names.map((name) => world.register(name, key)));
    await Promise.all(names.map((name) => world.poll(name)));

    const failures = await Promise.all(
      names.map(async (name) => {
        const digest = digests.get(name) ?? '';
        const what = `${name} (${dialects[name]?.report}) to be built`;
        const version = eventually(what, () => world.version(name, digest), 120_000);
        return version.then(
          ({ promotion_state: state }) => (state === 'built' ? [] : [`${name}: ${state}`]),
          async ({ message }) => [message, (await world.candidate(name, digest))?.message],
        );
      }),
    );
    expect(failures.flat()).toEqual([]);

    const { call } = apiAs(world.token);
    for (const [name, status] of Object.entries({
      'tag-403': 403,
      'tag-412': 412,
      'tag-500': 500,
    })) {
      const { body } = await call('GET', `/modules/${name}`);
      expect(body.poll).toMatchObject({ code: null, failures: 0 });
      expect(body.unreadable_tags).toMatchObject([
        { tag: 'v0.9.0', failures: 1, message: expect.stringContaining(String(status)) },
      ]);
    }

    await world.close();
    await proxy.stop();
  });
});

// goharbor/harbor#7448, fluxcd/flux#2980, mortennordbye/homelab#650, jetstack/version-checker#41
describe('a tag that its registry refuses after it was ingested', () => {
  it('is noted alone: later tags are read, and its version stays', async ({
    flow,
    proxy,
    world,
    services,
  }) => {
    const name = 'scanned';
    const { account } = world;
    await world.register(name, key);
    await offSchedule(services, account, name);
    const first = await world.publish({ name, files: { 'etc/a': '1' } }, 'v1.0.0', key);
    await walk(services, account, name, first);

    let refused = true;
    proxy.interfere = (request, response) => {
      if (!refused || !request.url?.endsWith(`/${name}/manifests/v1.0.0`)) return false;
      response.writeHead(412).end();
      return true;
    };

    const second = await world.publish({ name, files: { 'etc/a': '2' } }, 'v1.2.0', key);
    expect(await walk(services, account, name, second)).toMatchObject({ state: 'ingested' });
    expect(await world.version(name, first)).toMatchObject({ tags: ['v1.0.0'] });

    const { call } = apiAs(world.token);
    const shown = async () => (await call('GET', `/modules/${name}`)).body;
    const [unreadable] = (await shown()).unreadable_tags;
    expect(unreadable).toMatchObject({ tag: 'v1.0.0', code: 'registry_response_invalid' });

    // Its wait is not over.
    const asked = proxy.requests.length;
    await retag(flow.registry, `${account}/${name}`, second, 'v1.3.0');
    await pollRepository(services, { account, module: name });
    const paths = proxy.requests.slice(asked).map(({ url }) => url.split('/').at(-1));
    expect(paths).toEqual(['list?n=1000', 'v1.3.0']);

    refused = false;
    await pollRepository(services, { account, module: name, recheck: true });
    expect((await shown()).unreadable_tags).toEqual([]);

    const events = await eventsOf(services, account, 'gantry.tag.unreadable');
    expect(events).toMatchObject([{ subject: `module/${name}`, data: { tag: 'v1.0.0' } }]);
  });

  it('is the reason that `why` gives when it never was a candidate', async ({
    proxy,
    world,
    services,
  }) => {
    const name = 'blocked';
    await world.register(name, key);
    await offSchedule(services, world.account, name);
    await world.publish({ name, files: { 'etc/a': '1' } }, 'v1.0.0', key);
    proxy.interfere = (request, response) => {
      if (!request.url?.includes(`/${name}/manifests/v1.0.0`)) return false;
      response.writeHead(403).end();
      return true;
    };

    await pollRepository(services, { account: world.account, module: name });
    const { body } = await apiAs(world.token).call('GET', `/modules/${name}/why?ref=1.0.0`);
    expect(body).toMatchObject({
      unreadable: { tag: 'v1.0.0' },
      poll: { code: null },
      reason: { code: 'registry_unauthorized' },
    });
    expect(body.reason.message).toContain('the registry lists tag v1.0.0 and does not return it');
  });
});
