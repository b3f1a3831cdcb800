import { randomBytes } from 'node:crypto';
import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { pollRepository } from '../../../shared/actions/poll/index.ts';
import { registryCredentials } from '../../../shared/actions/registries/index.ts';
import { RegistryClient } from '../../../shared/registry/index.ts';
import { getRepository } from '../../../shared/store/poll/index.ts';
import {
  basicCredentials,
  type DockerRegistry,
  startDockerRegistry,
} from '../../support/docker-registry.ts';
import { alone, eventsOf, offSchedule, pushLayers } from '../../support/flow.ts';
import { createTlsAuthority, type TlsAuthority } from '../../support/tls-authority.ts';
import { startTokenService, type TokenService } from '../../support/token-service.ts';
import { authorKey, World } from '../../support/world.ts';

const { endpoint, publicUrl } = inject('stack');
let tokens: TokenService;
let registry: DockerRegistry;
let world: World;

beforeAll(async () => {
  tokens = await startTokenService(basicCredentials);
  registry = await startDockerRegistry({ auth: tokens.auth });
  world = await World.create(registry.host);
});
afterAll(async () => {
  await world.close();
  await registry.stop();
  await tokens.stop();
});

/** Calls the API as the account's admin, or as a token of its own. */
async function call(method: string, path: string, body?: unknown, token = world.token) {
  const response = await fetch(`${publicUrl}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

describe('credentials that an operator stores', () => {
  const path = () => `/registries/${encodeURIComponent(registry.host)}`;

  it('let the platform read from a registry with a token service', async () => {
    const services = await alone(world.services);
    await world.register('by-token', authorKey());
    await offSchedule(services, world.account, 'by-token');

    const client = new RegistryClient({ host: registry.host, credentials: basicCredentials });
    await pushLayers(client, `${world.account}/by-token`, 'v1.0.0', [
      { bytes: Buffer.from('layer') },
    ]);

    const poll = async () => {
      await pollRepository(services, { account: world.account, module: 'by-token' });
      return getRepository(services.db, world.account, 'by-token');
    };
    expect(await poll()).toMatchObject({ code: 'registry_unauthorized', failures: 1 });

    const stored = await call('PUT', path(), basicCredentials);
    expect(stored.status).toBe(200);
    expect(await poll()).toMatchObject({ code: null, failures: 0 });

    // Once the token is known, an unchanged list costs one request and no token.
    const before = tokens.requests.length;
    await poll();
    expect(tokens.requests).toHaveLength(before);
  });

  it('are shown without the password, by no answer and no event', async () => {
    const listed = await call('GET', '/registries');
    const stored = await call('PUT', path(), basicCredentials);
    const events = await eventsOf(world.services, world.account, 'gantry.registry.login_stored');
    const said = [listed.text, stored.text, JSON.stringify(events)].join();

    expect(said).toContain(basicCredentials.username);
    expect(said).not.toContain(basicCredentials.password);
    expect(events[0]?.data).toEqual({ username: basicCredentials.username });
  });

  it('are stored and listed by operators only', async () => {
    const made = await call('POST', '/tokens', { name: 'author', roles: ['author'] });
    const { secret } = JSON.parse(made.text) as { secret: string };
    expect((await call('PUT', path(), basicCredentials, secret)).status).toBe(403);
    expect((await call('GET', '/registries', undefined, secret)).status).toBe(403);
  });

  it('are gone when they are removed', async () => {
    expect((await call('DELETE', path())).status).toBe(204);
    expect((await call('DELETE', path())).status).toBe(404);
    expect(JSON.parse((await call('GET', '/registries')).text).registries).toEqual([]);
  });

  it.each(['no-host', 'a b', '-r.test', 'r.test:port'])(
    'are refused for %s, which is no host',
    async (host) => {
      expect(
        (await call('PUT', `/registries/${encodeURIComponent(host)}`, basicCredentials)).status,
      ).toBe(400);
    },
  );
});

describe('a registry with an authority of its own', () => {
  let authority: TlsAuthority;
  let other: TlsAuthority;
  let secure: DockerRegistry;
  let inside: World;

  beforeAll(async () => {
    authority = await createTlsAuthority();
    other = await createTlsAuthority();
    const tls = await authority.issue('registry.test', ['127.0.0.1']);
    secure = await startDockerRegistry({ tls, auth: 'basic' });
    inside = await World.create(secure.host);
  });
  afterAll(async () => {
    await inside.close();
    await secure.stop();
    await authority.close();
    await other.close();
  });

  const store = (body: unknown) =>
    call('PUT', `/registries/${encodeURIComponent(secure.host)}`, body, inside.token);

  it('is read once an operator stores the authority, and not by another one', async () => {
    const services = await alone(inside.services);
    await inside.register('private', authorKey());
    await offSchedule(services, inside.account, 'private');

    const dispatcher = new Agent({ connect: { ca: authority.pem } });
    const client = new RegistryClient({
      host: secure.host,
      plainHttp: false,
      credentials: basicCredentials,
      dispatcher,
    });
    await pushLayers(client, `${inside.account}/private`, 'v1.0.0', [
      { bytes: Buffer.from('layer') },
    ]);
    await dispatcher.destroy();

    const poll = async () => {
      await pollRepository(services, { account: inside.account, module: 'private' });
      return getRepository(services.db, inside.account, 'private');
    };
    await store({ ca: other.pem });
    expect(await poll()).toMatchObject({
      code: 'registry_unreachable',
      message: expect.stringContaining('--ca-file'),
    });

    await store({ ca: authority.pem });
    expect(await poll()).toMatchObject({ code: 'registry_unauthorized' });

    await store({ ...basicCredentials, ca: authority.pem });
    expect(await poll()).toMatchObject({ code: null, failures: 0 });
  });

  it('is listed with its authority, and without credentials where none are stored', async () => {
    const stored = await store({ ca: authority.pem });
    expect(JSON.parse(stored.text)).toMatchObject({
      registry: { host: secure.host, username: null, ca: authority.pem },
    });
  });

  it.each([
    {},
    { username: 'u' },
    { password: 'p', ca: 'x' },
    { ca: 'no certificate' },
    { ca: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
  ])('takes no half login and no other text: %j', async (body) => {
    expect((await store(body)).status).toBe(400);
  });
});

describe('ECR', () => {
  it('is read with a token that it gives for hours, and asked for once', async () => {
    const account = `t${randomBytes(5).toString('hex')}`;
    const host = new URL(endpoint).host;
    const first = await registryCredentials(world.services, account, host);

    expect(first.value).toMatchObject({ username: 'AWS', password: expect.stringMatching(/.+/) });
    expect(first.untilMs).toBeGreaterThan(Date.now() + 3600_000);
    expect(await registryCredentials(world.services, account, host)).toBe(first);
  });
});
