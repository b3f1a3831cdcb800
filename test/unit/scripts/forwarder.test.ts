import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Forwarder, startForwarder } from '../../../scripts/forwarder.ts';

let cloud: Server;
let forwarder: Forwarder;

/**
 * Returns what it was asked; `/slow` sends its body in two pieces, the second only when told
 * to.
 */
let release = () => {};

beforeAll(async () => {
  cloud = createServer((request, response) => {
    if (request.url?.endsWith('/slow')) {
      response.write('first');
      release = () => response.end('second');
      return;
    }

    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));

    request.on('end', () => {
      response.writeHead(201, { 'set-cookie': ['a=1', 'b=2'] });

      const { method, url, headers } = request;
      response.end(
        JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString() }),
      );
    });
  });

  cloud.listen(0, '127.0.0.1');
  await once(cloud, 'listening');

  const { port } = cloud.address() as AddressInfo;
  forwarder = await startForwarder(0, `http://127.0.0.1:${port}`, 'abc');
});

afterAll(async () => {
  await forwarder.stop();
  cloud.closeAllConnections();
  cloud.close();
});

test('a request reaches the API under its path, with its query, headers and body as they were', async () => {
  const response = await fetch(`${forwarder.url}/a%2Fb?x=1&x=2`, {
    method: 'POST',
    headers: { 'x-own': 'kept', 'x-forwarded-for': '192.0.2.1' },
    body: 'hello',
  });

  expect(response.status).toBe(201);
  expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);

  expect(await response.json()).toMatchObject({
    method: 'POST',
    url: '/_aws/execute-api/abc/$default/a%2Fb?x=1&x=2',
    body: 'hello',
    headers: {
      'x-own': 'kept',
      host: new URL(forwarder.url).host,
      'x-forwarded-proto': 'http',
      'x-forwarded-host': new URL(forwarder.url).host,
      'x-forwarded-port': new URL(forwarder.url).port,
      'x-forwarded-for': '192.0.2.1, 127.0.0.1',
    },
  });
});

test('an answer is streamed, not gathered', async () => {
  const response = await fetch(`${forwarder.url}/slow`);
  const reader = response.body?.getReader();

  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('first');
  release();
  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('second');
});

test('a cloud that is gone answers 502', async () => {
  const closed = await startForwarder(0, 'http://127.0.0.1:1', 'abc');
  expect((await fetch(closed.url)).status).toBe(502);
  await closed.stop();
});
