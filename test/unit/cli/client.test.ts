import { afterEach, describe, expect, it } from 'vitest';
import { makeClient } from '../../../cli/client/client.ts';
import { responses } from '../../../cli/client/response-schemas.ts';
import { GantryError } from '../../../shared/base/error.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import {
  always,
  codeOf,
  type Handler,
  type HttpServer,
  sendJson,
  startHttpServer,
} from '../../support/http-server.ts';

let server: HttpServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function client(handle: Handler) {
  server = await startHttpServer(handle);
  return makeClient({ url: `http://${server.host}`, token: 'gantry_t' });
}

const category = { slug: 'userland', position: 90, created_at: '2026-01-01T00:00:00.000Z' };

function problem(status: number, body: Record<string, unknown>): Handler {
  const document = { type: 'x', title: 'x', status, request_id: 'req-1', ...body };
  return (_, response) =>
    response
      .writeHead(status, { 'content-type': 'application/problem+json' })
      .end(JSON.stringify(document));
}

describe('the client', () => {
  it('sends the token and returns what the schema lets through', async () => {
    const api = await client((_, response) => sendJson(response, { category, extra: 1 }));
    expect(await api.get(responses.category, '/x')).toEqual({ category });
    expect(server?.requests[0]).toMatchObject({
      url: '/api/v1/x',
      authorization: 'Bearer gantry_t',
    });
  });

  it('reads every page of a list', async () => {
    const api = await client((request, response) => {
      const cursor = new URL(request.url ?? '', 'http://x').searchParams.get('cursor');
      const slug = cursor === null ? 'one' : 'two';

      sendJson(response, {
        categories: [{ ...category, slug }],
        next_cursor: cursor === null ? 'next' : null,
      });
    });

    const all = await api.all(responses.categories, 'categories', '/categories');
    expect(all.map(({ slug }) => slug)).toEqual(['one', 'two']);
  });

  it('converts a problem into the error that it describes', async () => {
    const api = await client(
      problem(409, {
        code: 'already_exists',
        detail: 'it exists',
        field: 'slug',
        expected: 'a',
        found: 'b',
        details: [1],
      }),
    );

    const error = await api.get(responses.category, '/x').catch((error: unknown) => error);
    expect(error).toBeInstanceOf(GantryError);

    expect(error).toMatchObject({
      code: 'already_exists',
      message: 'it exists',
      field: 'slug',
      expected: 'a',
      found: 'b',
      details: [1],
    });
  });

  it('takes a code that it does not know for an internal one, and keeps the request id', async () => {
    const api = await client(problem(418, { code: 'a_later_code', detail: 'newer' }));
    await expect(api.get(responses.category, '/x')).rejects.toMatchObject({
      code: 'internal',
      message: 'newer (request req-1)',
    });
  });

  it('fails when another server responds', async () => {
    const api = await client(always(404));
    await expect(api.get(responses.category, '/x')).rejects.toThrow(/expected Gantry at/);
  });

  it('stops reading a response that never ends', async () => {
    let sent = 0;
    const api = await client((_, response) => {
      const send = () => {
        sent += 64 * 1024;
        if (!response.destroyed) response.write(Buffer.alloc(64 * 1024, ' '), send);
      };
      response.writeHead(200, { 'content-type': 'application/json' });
      send();
    });

    await expect(api.get(responses.category, '/x')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('expected at most 10485760 bytes'),
    });
    expect(sent).toBeLessThan(2 * limits.clientResponseBytesMax);
  });

  it('says that a response broke off, not that it is of another version', async () => {
    const api = await client((_, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"category":', () => response.destroy());
    });
    expect(await codeOf(api.get(responses.category, '/x'))).toBe('unavailable');
  });

  it('fails when a response does not match its schema', async () => {
    const api = await client((_, response) => sendJson(response, { category: { slug: 1 } }));
    expect(await codeOf(api.get(responses.category, '/x'))).toBe('internal');
  });

  it('retries a create with the same Idempotency-Key', async () => {
    const keys: unknown[] = [];
    const api = await client((request, response) => {
      keys.push(request.headers['idempotency-key']);
      if (keys.length === 1) request.socket.destroy();
      else sendJson(response, { category });
    });

    await api.send(responses.category, 'POST', '/categories', {});
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('does not try a change again that may have been made', async () => {
    const api = await client((request) => request.socket.destroy());
    expect(await codeOf(api.send(responses.nothing, 'DELETE', '/tokens/x'))).toBe('unavailable');
    expect(server?.requests).toHaveLength(1);
  });

  it('follows no redirect with the token', async () => {
    const api = await client(always(302, { location: 'http://127.0.0.1:9/' }));
    expect(await codeOf(api.send(responses.nothing, 'DELETE', '/x'))).toBe('unavailable');
  });

  it('takes an empty response for done', async () => {
    const api = await client((_, response) => response.writeHead(204).end());
    expect(await api.send(responses.nothing, 'DELETE', '/x')).toBeUndefined();
  });
});
