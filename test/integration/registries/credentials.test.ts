import { createHash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { createRegistryMemory } from '../../../shared/registry/index.ts';
import { always, codeOf, sendJson } from '../../support/http-server.ts';
import { bytesOf, clientOf, serve, stopServers } from '../../support/served-registry.ts';

afterEach(stopServers);

const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('credentials', () => {
  const credentials = { username: 'u', password: 'p' };
  const basic = `Basic ${Buffer.from('u:p').toString('base64')}`;

  test('are not sent before they are requested, and then once with each request', async () => {
    const { client, server } = await clientOf(
      (request, response) => {
        if (request.headers.authorization !== basic)
          always(401, { 'www-authenticate': 'Basic realm="r"' })(request, response);
        else sendJson(response, { tags: [] });
      },
      { credentials },
    );

    await client.listTags('a/b');
    await client.listTags('a/b');

    expect(server.requests.map(({ authorization }) => authorization)).toEqual([
      undefined,
      basic,
      basic,
    ]);
  });

  test('wrong ones are refused after one attempt', async () => {
    const { client, server } = await clientOf(
      always(401, { 'www-authenticate': 'Basic realm="r"' }),
      { credentials },
    );
    expect(await codeOf(client.listTags('a/b'))).toBe('registry_unauthorized');
    expect(server.requests).toHaveLength(2);
  });

  test('do not travel to another host by redirect', async () => {
    const blob = Buffer.from('elsewhere');
    const storage = await serve((_, response) => response.writeHead(200).end(blob));

    const { client, server } = await clientOf(
      (request, response) => {
        if (!request.headers.authorization)
          always(401, { 'www-authenticate': 'Basic realm="r"' })(request, response);
        else response.writeHead(307, { location: `http://${storage.host}/signed?x=1` }).end();
      },
      { credentials },
    );

    const content = await bytesOf(
      client.getBlob('a/b', { digest: digestOf(blob), size: blob.length }),
    );
    expect(String(content)).toBe('elsewhere');
    expect(server.requests.at(-1)?.authorization).toBe(basic);
    expect(storage.requests).toEqual([
      { method: 'GET', url: '/signed?x=1', authorization: undefined },
    ]);
  });

  test('redirects that do not end are given up', async () => {
    const { client, server } = await clientOf((_, response) =>
      response.writeHead(302, { location: '/again' }).end(),
    );
    expect(
      await codeOf(bytesOf(client.getBlob('a/b', { digest: digestOf(Buffer.alloc(1)), size: 1 }))),
    ).toBe('registry_response_invalid');
    expect(server.requests.length).toBe(6);
  });

  test('a token is fetched once per scope, and again after a refusal', async () => {
    let issued = 0;
    let valid = '';

    const tokens = await serve((_, response) => {
      issued++;
      valid = `token-${issued}`;
      sendJson(response, { access_token: valid, expires_in: 60 });
    });

    const challenge = `Bearer realm="http://${tokens.host}/token",service="registry.test",scope="repository:a/b:pull"`;
    const { client } = await clientOf(
      (request, response) => {
        if (request.headers.authorization !== `Bearer ${valid}`) {
          always(401, { 'www-authenticate': challenge })(request, response);
        } else sendJson(response, { tags: ['v1'] });
      },
      { credentials },
    );

    await client.listTags('a/b');
    await client.listTags('a/b');
    expect(issued).toBe(1);
    valid = 'expired';
    expect((await client.listTags('a/b')).tags).toEqual(['v1']);
    expect(issued).toBe(2);

    const [first] = tokens.requests;
    expect(first?.authorization).toBe(basic);
    expect(first?.url).toBe('/token?service=registry.test&scope=repository%3Aa%2Fb%3Apull');
  });

  test('a token service that refuses, fails or returns nonsense gives different errors', async () => {
    const codes: string[] = [];
    for (const handle of [always(401), always(500), always(429), always(200)]) {
      const tokens = await serve(handle);
      const { client } = await clientOf(
        always(401, { 'www-authenticate': `Bearer realm="http://${tokens.host}/t"` }),
      );
      codes.push(await codeOf(client.listTags('a/b')));
    }

    expect(codes).toEqual([
      'registry_unauthorized',
      'registry_error',
      'registry_rate_limited',
      'registry_response_invalid',
    ]);
  });

  test('an identity token buys the token, and is sent nowhere else', async () => {
    const bodies: string[] = [];
    const tokens = await serve((request, response) => {
      request.setEncoding('utf8').on('data', (chunk) => bodies.push(chunk));
      request.on('end', () => sendJson(response, { access_token: 'bought' }));
    });

    const { client, server } = await clientOf(
      (request, response) => {
        if (request.headers.authorization === 'Bearer bought')
          return sendJson(response, { tags: ['v1'] });
        always(401, { 'www-authenticate': `Bearer realm="http://${tokens.host}/t",service="s"` })(
          request,
          response,
        );
      },
      { credentials: { identityToken: 'refresh-me' } },
    );

    expect((await client.listTags('a/b')).tags).toEqual(['v1']);
    expect(tokens.requests).toEqual([{ method: 'POST', url: '/t', authorization: undefined }]);

    expect(Object.fromEntries(new URLSearchParams(bodies.join('')))).toEqual({
      grant_type: 'refresh_token',
      refresh_token: 'refresh-me',
      client_id: 'gantry',
      service: 's',
      scope: 'repository:a/b:pull',
    });

    expect(server.requests.map(({ authorization }) => authorization)).toEqual([
      undefined,
      'Bearer bought',
    ]);
  });

  test('a bearer token of the registry is sent as it is, and bought from nobody', async () => {
    const tokens = await serve(always(500));
    const { client, server } = await clientOf(
      (request, response) => {
        if (request.headers.authorization === 'Bearer given')
          return sendJson(response, { tags: ['v1'] });
        always(401, { 'www-authenticate': `Bearer realm="http://${tokens.host}/t"` })(
          request,
          response,
        );
      },
      { credentials: { registryToken: 'given' } },
    );

    expect((await client.listTags('a/b')).tags).toEqual(['v1']);
    expect(tokens.requests).toEqual([]);
    expect(server.requests.map(({ authorization }) => authorization)).toEqual([
      undefined,
      'Bearer given',
    ]);
  });

  test('a token is not used beyond its life', async () => {
    let issued = 0;
    const memory = createRegistryMemory();
    const tokens = await serve((_, response) => {
      issued++;
      sendJson(response, { token: `token-${issued}`, expires_in: 300 });
    });

    const { client } = await clientOf(
      (request, response) => {
        if (request.headers.authorization) return sendJson(response, { tags: [] });
        always(401, { 'www-authenticate': `Bearer realm="http://${tokens.host}/t"` })(
          request,
          response,
        );
      },
      { memory },
    );

    await client.listTags('a/b');
    const leftMs = memory.tokens.getRemainingTTL('repository:a/b:pull');

    expect(leftMs).toBeGreaterThan(280_000);
    expect(leftMs).toBeLessThan(295_000);

    const expired = { ttl: 1, start: performance.now() - 60_000 };
    memory.tokens.set('repository:a/b:pull', 'token-1', expired);
    await client.listTags('a/b');
    expect(issued).toBe(2);
  });

  test('a realm that is not an address is refused', async () => {
    const { client } = await clientOf(
      always(401, { 'www-authenticate': 'Bearer realm="file:///etc/passwd"' }),
    );
    expect(await codeOf(client.listTags('a/b'))).toBe('registry_response_invalid');
  });
});
