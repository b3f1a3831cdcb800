import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { GantryError } from '../../../shared/base/error.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import {
  collectSignatures,
  mediaTypes,
  type RegistryClient,
} from '../../../shared/registry/index.ts';
import { codeOf, type Handler, sendJson } from '../../support/http-server.ts';
import { bytesOf, clientOf, serve, stopServers } from '../../support/served-registry.ts';

afterEach(stopServers);

const digest = `sha256:${'a'.repeat(64)}`;
const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A registry that returns content by its digest, and the referrers that a test gives it. */
class Content {
  readonly referrers: object[] = [];
  readonly #bytes = new Map<string, Buffer>();

  put(bytes: Buffer, mediaType: string = mediaTypes.manifest) {
    this.#bytes.set(digestOf(bytes), bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  }

  refer(layers: object[]) {
    const config = { mediaType: mediaTypes.empty, digest, size: 2 };
    this.referrers.push(
      this.put(Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers }))),
    );
  }

  readonly serve: Handler = (request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    if (path.includes('/referrers/')) {
      response.setHeader('content-type', mediaTypes.index);
      return response.end(JSON.stringify({ schemaVersion: 2, manifests: this.referrers }));
    }

    const bytes = this.#bytes.get(path.split('/').at(-1) ?? '');
    return bytes === undefined ? response.writeHead(404).end() : response.end(bytes);
  };
}

describe('what a stranger attaches beside an artifact', () => {
  it.each([
    ['an array', '['.repeat(400_000) + ']'.repeat(400_000)],
    ['an object', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    [
      'a signature within one',
      `{"x":${'['.repeat(5000)}${']'.repeat(5000)},"mediaType":"${mediaTypes.bundle}"}`,
    ],
  ])('cannot stop the reading of signatures by %s nested without end', async (_, bundle) => {
    const content = new Content();
    content.refer([content.put(Buffer.from(bundle), mediaTypes.bundle)]);
    content.refer([content.put(Buffer.from('{"good":1}'), mediaTypes.bundle)]);

    const { client } = await clientOf(content.serve);
    const found = await collectSignatures(client, 'a/b', digest);

    expect(found.map(({ unreadable }) => unreadable?.code)).toEqual(['bundle_invalid', undefined]);
  });

  it('cannot fill a worker with signatures within signatures', async () => {
    const content = new Content();
    const annotations = { 'dev.cosignproject.cosign/signature': 'AAAA' };

    for (let i = 0; i < 20; i++) {
      content.refer(
        Array.from({ length: 100 }, (_, j) => ({
          ...content.put(Buffer.from(`${i} ${j}`), mediaTypes.simpleSigning),
          annotations,
        })),
      );
    }

    const { client, server } = await clientOf(content.serve);
    const found = await collectSignatures(client, 'a/b', digest);

    expect(found).toHaveLength(limits.foundSignaturesMax);
    expect(found.at(-1)?.unreadable?.code).toBe('too_many_signatures');
    expect(server.requests.filter(({ url }) => url.includes('/blobs/'))).toHaveLength(
      limits.foundSignaturesMax,
    );
  });
});

describe('a registry that drips bytes', () => {
  const late = new GantryError('registry_timeout', 'took too long');
  const blob = { digest, size: 1000 };

  const drip =
    (status: number, headers: Record<string, string>): Handler =>
    (_, response) => {
      response.writeHead(status, headers);
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    };

  it.each<[string, number, (client: RegistryClient) => Promise<unknown>]>([
    ['into a signature', 200, (client) => client.readBlob('a/b', blob, 2000)],
    ['into a layer', 200, (client) => bytesOf(client.getBlob('a/b', blob))],
    [
      'behind a 404',
      404,
      (client) => client.getManifest('a/b', 'v1').then(() => client.listTags('a/b')),
    ],
    ['behind a challenge', 401, (client) => client.getManifest('a/b', 'v1')],
    ['behind a redirect', 302, (client) => client.getManifest('a/b', 'v1')],
    ['behind a failure', 503, (client) => client.getManifest('a/b', 'v1')],
  ])(
    '%s cannot hold a worker beyond the time that one piece of work has',
    async (_, status, work) => {
      const headers = { location: '/again', 'www-authenticate': 'Basic realm="r"' };
      const end = new AbortController();
      const credentials = { username: 'u', password: 'p' };
      const { client } = await clientOf(drip(status, headers), { signal: end.signal, credentials });
      const started = Date.now();

      setTimeout(() => end.abort(late), 300);
      expect(await codeOf(work(client))).toMatch(/^registry_/);
      expect(Date.now() - started).toBeLessThan(6000);
    },
  );
});

describe('an answer', () => {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, layers: [] }));

  it.each([
    ['compressed', { 'content-encoding': 'gzip' }],
    ['of a type that it is not', { 'content-type': mediaTypes.dockerIndex }],
    ['with a digest that it does not have', { 'docker-content-digest': digest }],
  ])('that says to be %s is what its bytes are', async (_, headers) => {
    const { client } = await clientOf((_request, response) =>
      response.writeHead(200, headers).end(bytes),
    );
    expect((await client.getManifest('a/b', digestOf(bytes))).digest).toBe(digestOf(bytes));
    expect(await codeOf(client.getManifest('a/b', digest))).toBe('manifest_digest_mismatch');

    const expected = { digest: digestOf(bytes), size: bytes.length };
    expect((await bytesOf(client.getBlob('a/b', expected))).equals(bytes)).toBe(true);
  });

  it.each([
    ['another place', { 'content-range': 'bytes 0-9/10' }],
    ['no place', {}],
    ['all places', { 'content-range': 'bytes */10' }],
  ])(
    'to a range that comes from %s is not spliced in',
    async (_, headers: Record<string, string>) => {
      const { client } = await clientOf((_request, response) =>
        response.writeHead(206, headers).end('0123456789'),
      );
      const whole = { digest: digestOf(Buffer.from('0123456789')), size: 10 };

      expect(await codeOf(bytesOf(client.getBlob('a/b', whole, { offset: 5 })))).toBe(
        'registry_response_invalid',
      );
      expect(await codeOf(client.getBlobRange('a/b', whole.digest, 5, 5))).toBe(
        'registry_response_invalid',
      );
    },
  );

  it('in chunks that lie about their length is refused', async () => {
    const { client } = await clientOf((request, response) => {
      response.detachSocket(request.socket);
      request.socket.end(
        'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffff\r\n0123456789\r\n0\r\n\r\n',
      );
    });

    const whole = { digest: digestOf(Buffer.from('0123456789')), size: 10 };
    expect(await codeOf(bytesOf(client.getBlob('a/b', whole)))).toMatch(/^registry_|^blob_/);
  });

  it('that calls another digest’s tag its fallback, or lists itself, is a list of claims', async () => {
    const content = new Content();
    const { client } = await clientOf(content.serve);

    content.referrers.push({ mediaType: mediaTypes.manifest, digest, size: 1 });
    const [self] = await collectSignatures(client, 'a/b', digest);

    expect(self?.unreadable?.code).toBe('registry_not_found');
  });
});

describe('credentials of a registry', () => {
  const credentials = { username: 'u', password: 'p' };

  it('go neither to the host of a page’s link, nor of a redirect, nor along with what that redirects back to', async () => {
    const thief = await serve((_, response) => sendJson(response, { tags: ['stolen'] }));
    const { client, server } = await clientOf(
      (request, response) => {
        if (request.headers.authorization === undefined && !request.url?.includes('public')) {
          return response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
        }

        if (request.url?.includes('manifests')) {
          return response.writeHead(307, { location: `http://${thief.host}/x` }).end();
        }

        return sendJson(
          response,
          { tags: ['v1'] },
          { link: `<http://${thief.host}/v2/a/b/tags/list>; rel="next"` },
        );
      },
      { credentials },
    );

    expect((await client.listTags('a/b')).tags).toEqual(['v1']);
    expect(thief.requests).toEqual([]);
    await client.getManifest('a/b', 'v1');
    expect(thief.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
    expect(server.requests.length).toBeGreaterThan(2);
  });

  it('are not bought by a challenge of the host that a redirect led to', async () => {
    const thief = await serve((_, response) => {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
    });
    const { client } = await clientOf(
      (_, response) => response.writeHead(307, { location: `http://${thief.host}/x` }).end(),
      { credentials },
    );

    expect(await codeOf(client.getManifest('a/b', 'v1'))).toBe('registry_unauthorized');
    await sleep(50);
    expect(thief.requests).toEqual([{ method: 'GET', url: '/x', authorization: undefined }]);
  });
});
