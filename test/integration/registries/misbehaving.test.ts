import { createHash } from 'node:crypto';
import { type AddressInfo, createServer } from 'node:net';
import { hostname } from 'node:os';
import { Agent } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import type { GantryError } from '../../../shared/base/error.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import { RegistryClient } from '../../../shared/registry/index.ts';
import { always, codeOf, type Handler, sendJson } from '../../support/http-server.ts';
import { bytesOf, clientOf, stopServers } from '../../support/served-registry.ts';

afterEach(stopServers);

const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('lists of tags', () => {
  test('one page costs one request', async () => {
    const { client, server } = await clientOf((_, response) =>
      sendJson(response, { name: 'a/b', tags: ['v1', 'v2'] }),
    );
    expect(await client.listTags('a/b')).toEqual({ tags: ['v1', 'v2'], cut: null });
    expect(server.requests.map(({ url }) => url)).toEqual([
      `/v2/a/b/tags/list?n=${limits.tagPageSize}`,
    ]);
  });

  test.each([
    ['a relative link', () => '</v2/a/b/tags/list?last=v1&n=1>; rel="next"'],
    [
      'a link without the port',
      () => '<http://127.0.0.1/v2/a/b/tags/list?last=v1&n=1>; rel="next"',
    ],
    [
      'an absolute link',
      (host: string) => `<http://${host}/v2/a/b/tags/list?last=v1&n=1>; rel=next`,
    ],
    [
      'a link to a host behind the proxy',
      () => '<https://inner:5000/v2/a/b/tags/list?last=v1&n=1>;rel="next"',
    ],
    ['a query alone', () => '<?last=v1&n=1>; rel="next"'],
  ])('%s leads to the next page of the same registry', async (_, link) => {
    const { client, server } = await clientOf((request, response) => {
      const second = request.url?.includes('last=v1');
      const next: Record<string, string> = second ? {} : { link: link(request.headers.host ?? '') };
      sendJson(response, { tags: [second ? 'v2' : 'v1'] }, next);
    });

    expect((await client.listTags('a/b')).tags).toEqual(['v1', 'v2']);
    expect(server.requests).toHaveLength(2);
  });

  test('a registry that rejects n gets the request again without it', async () => {
    const { client, server } = await clientOf((request, response) => {
      if (request.url?.includes('n=')) always(400)(request, response);
      else sendJson(response, { tags: ['v1'] });
    });
    expect((await client.listTags('a/b')).tags).toEqual(['v1']);
    expect(server.requests.map(({ url }) => url)).toEqual([
      '/v2/a/b/tags/list?n=1000',
      '/v2/a/b/tags/list',
    ]);
  });

  test('pages that go round end', async () => {
    const { client, server } = await clientOf((request, response) => {
      const last = request.url?.includes('last=a') ? 'b' : 'a';
      sendJson(
        response,
        { tags: ['a', 'b'] },
        { link: `</v2/a/b/tags/list?last=${last}>; rel="next"` },
      );
    });

    const list = await client.listTags('a/b');
    expect(list).toEqual({ tags: ['a', 'b'], cut: 'its pages lead back to one that was read' });
    expect(server.requests.length).toBeLessThan(4);
  });

  test('an endless list is truncated, and says so', async () => {
    let page = 0;
    const { client } = await clientOf((_, response) => {
      const tags = Array.from({ length: 5000 }, (_, i) => `v${page}.0.${i}`);
      page++;
      sendJson(response, { tags }, { link: `</v2/a/b/tags/list?page=${page}>; rel="next"` });
    });

    const list = await client.listTags('a/b');
    expect(list.tags).toHaveLength(limits.tagsMax);
    expect(list.cut).toBe('more than 50000 tags name versions');
  });

  test('no tags at all may be null', async () => {
    const { client } = await clientOf((_, response) => sendJson(response, { tags: null }));
    expect((await client.listTags('a/b')).tags).toEqual([]);
  });

  test.each([
    ['HTML', '<html>'],
    ['a number', '7'],
    ['tags that are numbers', '{"tags":[1]}'],
  ])('%s is not a list', async (_, body) => {
    const { client } = await clientOf((_, response) => response.writeHead(200).end(body));
    expect(await codeOf(client.listTags('a/b'))).toBe('registry_response_invalid');
  });
});

describe('failures', () => {
  test.each([
    [401, 'registry_unauthorized'],
    [403, 'registry_unauthorized'],
    [404, 'registry_not_found'],
    [429, 'registry_rate_limited'],
    [500, 'registry_error'],
    [503, 'registry_error'],
    [418, 'registry_response_invalid'],
  ])('%i is %s', async (code, expected) => {
    const { client } = await clientOf(always(code));
    expect(await codeOf(client.listTags('a/b'))).toBe(expected);
    expect(await codeOf(client.getManifest('a/b', 'v1'))).toBe(expected);
  });

  test('Retry-After is passed on, in seconds or from a date', async () => {
    for (const value of ['7', new Date(Date.now() + 7_500).toUTCString()]) {
      const { client } = await clientOf(always(429, { 'retry-after': value }));
      const error = await client.listTags('a/b').catch((caught) => caught);

      expect((error as GantryError).details).toMatchObject({ status: 429 });
      const { retry_after_s } = (error as GantryError).details as { retry_after_s: number };

      expect(retry_after_s).toBeGreaterThan(5);
      expect(retry_after_s).toBeLessThanOrEqual(8);
    }
  });

  test('nobody listening, and a connection cut, are unreachable', async () => {
    expect(await codeOf(new RegistryClient({ host: '127.0.0.1:1' }).listTags('a/b'))).toBe(
      'registry_unreachable',
    );
    const { client } = await clientOf((request) => request.socket.destroy());
    expect(await codeOf(client.listTags('a/b'))).toBe('registry_unreachable');
  });

  test('headers that do not come, a body that stops, and one that drips are time-outs', async () => {
    const slow = await clientOf(() => {}, { firstByteMs: 300 });
    expect(await codeOf(slow.client.listTags('a/b'))).toBe('registry_timeout');

    const stalled = await clientOf((_, response) => response.writeHead(200).write('{"tags"'), {
      stallMs: 300,
    });
    expect(await codeOf(stalled.client.listTags('a/b'))).toBe('registry_timeout');

    const drip: Handler = (_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 50);
      response.on('close', () => clearInterval(timer));
    };

    const dripping = await clientOf(drip, { documentMs: 400 });
    expect(await codeOf(dripping.client.listTags('a/b'))).toBe('registry_timeout');
  });

  test.each([
    ['a blob', 200, 'registry_timeout'],
    ['a refusal', 404, 'registry_not_found'],
    ['a challenge', 401, 'registry_timeout'],
  ])('%s that drips ends with the time of the work', async (_, status, code) => {
    const { client } = await clientOf(
      ({ headers }, response) => {
        response.writeHead(status, {
          'www-authenticate': `Bearer realm="http://${headers.host}/token"`,
        });
        const timer = setInterval(() => response.write(' '), 50);
        response.on('close', () => clearInterval(timer));
      },
      { signal: AbortSignal.timeout(400) },
    );

    const blob = { digest: digestOf(Buffer.alloc(1000)), size: 1000 };
    expect(await codeOf(client.readBlob('a/b', blob, 1000))).toBe(code);
  });

  test('a connection that is accepted but never starts TLS is a time-out', async () => {
    const server = createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));

    const { port } = server.address() as AddressInfo;
    // Not a loopback name, so that it is spoken to over https.
    const host = `${hostname()}:${port}`;

    const dispatcher = new Agent({
      connect: {
        timeout: 300,
        lookup: (_, __, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
      },
    });

    expect(await codeOf(new RegistryClient({ host, dispatcher }).listTags('a/b'))).toBe(
      'registry_timeout',
    );
    await dispatcher.destroy();
    server.close();
  });

  test('a document beyond the limit is not read to its end', async () => {
    const { client } = await clientOf((_, response) =>
      response.writeHead(200).end(Buffer.alloc(6 * 1024 ** 2, 32)),
    );
    expect(await codeOf(client.getManifest('a/b', 'v1'))).toBe('registry_response_invalid');
  });
});

describe('bytes other than the requested ones', () => {
  const bytes = Buffer.from('{"schemaVersion":2}');
  const blob = Buffer.alloc(100_000, 7);
  const expected = { digest: digestOf(blob), size: blob.length };

  test('a manifest read by digest has it, and the size of its descriptor', async () => {
    const { client } = await clientOf((_, response) => response.writeHead(200).end(bytes));
    expect(await codeOf(client.getManifest('a/b', digestOf(blob)))).toBe(
      'manifest_digest_mismatch',
    );
    expect(await codeOf(client.getManifest('a/b', digestOf(bytes), { size: 5 }))).toBe(
      'blob_size_mismatch',
    );
    expect((await client.getManifest('a/b', digestOf(bytes))).digest).toBe(digestOf(bytes));
  });

  test('the digest of a manifest is computed, whatever the header says', async () => {
    const { client } = await clientOf((_, response) =>
      response.writeHead(200, { 'docker-content-digest': digestOf(blob) }).end(bytes),
    );
    expect((await client.getManifest('a/b', 'v1')).digest).toBe(digestOf(bytes));
  });

  test('a HEAD without a digest makes the client read the manifest', async () => {
    const { client, server } = await clientOf((_, response) => response.writeHead(200).end(bytes));
    expect((await client.headManifest('a/b', 'v1')).claimedDigest).toBe(digestOf(bytes));
    expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET']);
  });

  test.each([
    ['other bytes', Buffer.alloc(100_000, 8), 'blob_digest_mismatch'],
    ['too few', blob.subarray(1), 'blob_size_mismatch'],
    ['too many', Buffer.concat([blob, blob]), 'blob_size_mismatch'],
  ])('a blob of %s is refused, with and without a Content-Length', async (_, sent, code) => {
    for (const headers of [{ 'content-length': String(sent.length) }, {}]) {
      const { client } = await clientOf((_, response) => {
        response.writeHead(200, headers);
        response.write(sent.subarray(0, 10));
        response.end(sent.subarray(10));
      });
      expect(await codeOf(bytesOf(client.getBlob('a/b', expected)))).toBe(code);
    }
  });

  test('a connection cut within a blob is the registry’s failure, not the blob’s', async () => {
    const { client } = await clientOf((_, response) => {
      response.writeHead(200, { 'content-length': String(blob.length) });
      response.write(blob.subarray(0, 5000), () => response.destroy());
    });
    expect(await codeOf(bytesOf(client.getBlob('a/b', expected)))).toBe('registry_unreachable');
  });

  test.each([
    ['by range', 206],
    ['from the start, where there are no ranges', 200],
  ])(
    'a blob that breaks off twice is taken up again %s, and still has its digest',
    async (_, status) => {
      let breaks = 2;
      const { client, server } = await clientOf((request, response) => {
        const from =
          status === 206 ? Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
        const part = blob.subarray(from);
        const headers = {
          'content-length': String(part.length),
          'content-range': `bytes ${from}-99999/100000`,
        };

        response.writeHead(from > 0 ? 206 : 200, headers);
        if (breaks === 0) return response.end(part);

        breaks -= 1;
        response.write(part.subarray(0, 30_000 * (2 - breaks)), () =>
          setTimeout(() => response.destroy(), 20),
        );
      });

      expect((await bytesOf(client.getBlob('a/b', expected))).equals(blob)).toBe(true);
      expect(server.requests).toHaveLength(3);
    },
  );

  test('a blob that continues with other bytes after a break is refused', async () => {
    const { client } = await clientOf((request, response) => {
      const resumed = request.headers.range !== undefined;
      const headers = resumed
        ? { 'content-range': 'bytes 50000-99999/100000' }
        : { 'content-length': '100000' };

      response.writeHead(resumed ? 206 : 200, headers);
      if (resumed) response.end(Buffer.alloc(50_000, 1));
      else response.write(blob.subarray(0, 50_000), () => setTimeout(() => response.destroy(), 20));
    });
    expect(await codeOf(bytesOf(client.getBlob('a/b', expected)))).toBe('blob_digest_mismatch');
  });

  test('ranges work whether or not the registry knows them', async () => {
    const content = Buffer.from('0123456789');
    const whole = { digest: digestOf(content), size: content.length };
    const ignoring = await clientOf((_, response) => response.writeHead(200).end(content));

    const knowing = await clientOf((request, response) => {
      const [, from = '', to = ''] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
      const part = content.subarray(Number(from), to === '' ? undefined : Number(to) + 1);
      response.writeHead(206, { 'content-range': `bytes ${from}-9/10` }).end(part);
    });

    for (const { client } of [ignoring, knowing]) {
      expect(
        String(
          await client.getBlobRange('a/b', whole.digest, 2, 3).then((part) => Buffer.from(part)),
        ),
      ).toBe('234');
      expect(String(await bytesOf(client.getBlob('a/b', whole, { offset: 7 })))).toBe('789');
    }
  });
});

describe('uploads', () => {
  const chunk = Buffer.alloc(64 * 1024, 1);
  const blob = { digest: `sha256:${'0'.repeat(64)}`, size: 400 * chunk.length };
  const source = async function* () {
    for (let i = 0; i < 400; i++) yield chunk;
  };

  /** Takes an upload after a pause, and answers after another. */
  const slowly = (readAfterMs: number, answerAfterMs: number): Handler => {
    return (request, response) => {
      if (request.method === 'HEAD') return always(404)(request, response);
      if (request.method === 'POST')
        return always(202, { location: '/upload?a=b' })(request, response);
      setTimeout(() => request.resume(), readAfterMs);
      request.on('end', () => setTimeout(() => always(201)(request, response), answerAfterMs));
    };
  };

  test('may be taken and answered slowly', async () => {
    const { client, server } = await clientOf(slowly(1500, 1500), {
      firstByteMs: 300,
      stallMs: 5000,
    });
    expect(await client.pushBlob('a/b', blob, source)).toEqual({ uploaded: true });
    expect(server.requests.at(-1)?.url).toBe(`/upload?a=b&digest=sha256%3A${'0'.repeat(64)}`);
  });

  test('that nobody takes, or answers, end as time-outs', async () => {
    const untaken = await clientOf(slowly(60_000, 0), { stallMs: 300 });
    expect(await codeOf(untaken.client.pushBlob('a/b', blob, source))).toBe('registry_timeout');
    const unanswered = await clientOf(slowly(0, 60_000), { commitMs: 300 });
    expect(await codeOf(unanswered.client.pushBlob('a/b', blob, source))).toBe('registry_timeout');
  });
});
