import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createRegistryMemory } from '../../../shared/registry/auth.ts';
import { RegistryClient } from '../../../shared/registry/index.ts';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A server that notes what it is asked, and how many requests were open at most. */
async function serve(respond: (request: IncomingMessage, response: ServerResponse) => void) {
  const seen: string[] = [];
  let open = 0;
  const most: number[] = [];

  const server = createServer((request, response) => {
    const { authorization = 'none' } = request.headers;
    seen.push(`${request.url?.split('?')[0]} ${authorization}`);
    most.push(++open);
    response.on('close', () => open--);
    setTimeout(() => respond(request, response), 20);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  stops.push(() => server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, seen, mostOpen: () => Math.max(...most) };
}

const read = (client: RegistryClient, ...tags: string[]) =>
  Promise.all(tags.map((tag) => client.getManifest('acme/redis', tag)));

test('of concurrent requests one is refused, and all share its token', async () => {
  const server = await serve((request, response) => {
    if (request.url?.startsWith('/token')) {
      response.end(JSON.stringify({ token: 'abc' }));
    } else if (request.headers.authorization === 'Bearer abc') {
      response.end('{}');
    } else {
      const challenge = `Bearer realm="http://${server.host}/token",service="r"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    }
  });
  const client = new RegistryClient({ host: server.host });
  await read(client, 'a', 'b', 'c');

  expect(server.seen.sort()).toEqual([
    '/token none',
    '/v2/acme/redis/manifests/a Bearer abc',
    '/v2/acme/redis/manifests/a none',
    '/v2/acme/redis/manifests/b Bearer abc',
    '/v2/acme/redis/manifests/c Bearer abc',
  ]);
});

test('a token that several requests lack is asked for once', async () => {
  const server = await serve((request, response) =>
    response.end(request.url?.startsWith('/token') ? '{"token":"abc"}' : '{}'),
  );
  const memory = createRegistryMemory();
  memory.challenge = { scheme: 'bearer', parameters: { realm: `http://${server.host}/token` } };
  await read(new RegistryClient({ host: server.host, memory }), 'a', 'b', 'c');

  expect(server.seen.filter((line) => line.startsWith('/token'))).toHaveLength(1);
});

test('only the first request to a registry goes alone', async () => {
  const held: ServerResponse[] = [];
  let together = 1;
  const server = await serve((_request, response) => {
    held.push(response);
    if (held.length === together) for (const one of held.splice(0)) one.end('{}');
  });
  const memory = createRegistryMemory();
  await read(new RegistryClient({ host: server.host, memory }), 'a');
  expect(server.mostOpen()).toBe(1);

  together = 3;
  await read(new RegistryClient({ host: server.host, memory }), 'a', 'b', 'c');
  expect(server.mostOpen()).toBe(3);
});

test('a first request that fails holds up no other', async () => {
  const server = await serve((request, response) => {
    if (request.url?.endsWith('/a')) response.destroy();
    else response.end('{}');
  });
  const client = new RegistryClient({ host: server.host });
  const [failed, ...others] = await Promise.allSettled(
    ['a', 'b', 'c'].map((tag) => client.getManifest('acme/redis', tag)),
  );

  expect(failed).toMatchObject({ status: 'rejected', reason: { code: 'registry_unreachable' } });
  expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
});
