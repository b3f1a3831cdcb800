import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { always, codeOf, type Handler, sendJson } from '../../support/http-server.ts';
import { clientOf, stopServers } from '../../support/served-registry.ts';

afterEach(stopServers);

const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

describe('lists of tags', () => {
  test.each([
    ['lacks a part of the path (renovatebot/renovate#15080)', '/v2/team/mod/tags/list'],
    ['has an internal path (sonatype/nexus-public#1011)', '/repository/px/v2/team/mod/tags/list'],
  ])('a next page that %s is on the path that was asked', async (_, path) => {
    const { client } = await clientOf((request, response) => {
      if (!request.url?.startsWith('/v2/docker/team/mod/tags/list'))
        return always(404)(request, response);
      const second = request.url.includes('last=v2');
      const link = `<http://${request.headers.host}${path}?last=v2&n=2>; rel="next"`;
      sendJson(response, { tags: second ? ['v3'] : ['v1', 'v2'] }, second ? {} : { link });
    });

    const list = await client.listTags('docker/team/mod');
    expect(list).toEqual({ tags: ['v1', 'v2', 'v3'], cut: null });
  });

  test('the next page may be in the second of two Link headers (pulp/pulp_container#220)', async () => {
    const { client } = await clientOf((request, response) => {
      const second = request.url?.includes('last=');
      const next = '</v2/a/b/tags/list?last=v1>; title="a, b"; rel="last next"';
      const link = ['</docs>; rel="help"', next];
      response.writeHead(200, { 'content-type': 'application/json', ...(second ? {} : { link }) });
      response.end(JSON.stringify({ tags: [second ? 'v2' : 'v1'] }));
    });
    expect(await client.listTags('a/b')).toEqual({ tags: ['v1', 'v2'], cut: null });
  });

  test('an empty page with a next one ends no list (opencontainers/distribution-spec#470)', async () => {
    const { client } = await clientOf((request, response) => {
      const page = Number(/page=(\d)/.exec(request.url ?? '')?.[1] ?? 0);
      const tags = [[], ['v1'], ['v1'], null, ['v2']][page];
      const link = `</v2/a/b/tags/list?page=${page + 1}>; rel="next"`;
      sendJson(response, { tags }, page < 4 ? { link } : {});
    });
    expect(await client.listTags('a/b')).toEqual({ tags: ['v1', 'v2'], cut: null });
  });

  test('signatures and ignored tags push no version out of the list (gadievron/raptor#495)', async () => {
    const signature = (n: number) => `sha256-${digestOf(Buffer.from(String(n))).slice(7)}`;
    const { client } = await clientOf((request, response) => {
      const page = Number(/page=(\d+)/.exec(request.url ?? '')?.[1] ?? 0);
      if (page === 10) return sendJson(response, { tags: ['v1.0.0'] });
      const tags = Array.from({ length: 6000 }, (_, n) => {
        const at = page * 6000 + n;
        return n % 2 === 0 ? signature(at) : `build-${at}`;
      });
      sendJson(response, { tags }, { link: `</v2/a/b/tags/list?page=${page + 1}>; rel="next"` });
    });

    const { tags, cut } = await client.listTags('a/b');
    expect(cut).toBeNull();
    expect(tags).toHaveLength(limits.ignoredTagsShown + 1);
    expect(tags.at(-1)).toBe('v1.0.0');
  });

  test.each([
    ['is refused', 403, 'page 2 could not be read: '],
    ['fails', 500, 'page 2 could not be read: '],
    ['is no list', 200, 'page 2 could not be read: '],
  ])(
    'a later page that %s hides no tag of the first, and the list says so',
    async (_, status, cut) => {
      const { client } = await clientOf((request, response) => {
        if (request.url?.includes('last=')) return response.writeHead(status).end('no JSON');
        sendJson(response, { tags: ['v1'] }, { link: '</v2/a/b/tags/list?last=v1>; rel="next"' });
      });

      const list = await client.listTags('a/b');
      expect(list).toEqual({ tags: ['v1'], cut: expect.stringContaining(cut) });
    },
  );

  test('a later page behind a limit of the rate is a failure of the registry', async () => {
    const { client } = await clientOf((request, response) => {
      if (request.url?.includes('last=')) return always(429)(request, response);
      sendJson(response, { tags: ['v1'] }, { link: '</v2/a/b/tags/list?last=v1>; rel="next"' });
    });
    expect(await codeOf(client.listTags('a/b'))).toBe('registry_rate_limited');
  });

  test('a list that takes too long ends after a page, and says so', async () => {
    const { client, server } = await clientOf((_, response) =>
      sendJson(response, { tags: ['v1'] }, { link: '</v2/a/b/tags/list?last=v1>; rel="next"' }),
    );
    const list = await client.listTags('a/b', { spent: () => true });
    expect(list.cut).toBe('its first 1 pages took all the time of a poll');
    expect(server.requests).toHaveLength(1);
  });
});

describe('a registry that refuses HEAD of manifests', () => {
  const bytes = Buffer.from('{"schemaVersion":2}');

  // google/go-containerregistry#971, containerd/containerd#6684, crazy-max/diun#1614,
  // nicholas-fedor/watchtower#667
  test.each([400, 401, 403, 404, 405, 412, 501])(
    'by %i is asked by GET, from then on',
    async (status) => {
      const { client, server } = await clientOf((request, response) => {
        if (request.method === 'HEAD') return always(status)(request, response);
        response.writeHead(200, { 'content-type': 'application/json' }).end(bytes);
      });

      for (const tag of ['v1', 'v2'])
        expect((await client.headManifest('a/b', tag)).claimedDigest).toBe(digestOf(bytes));
      expect(server.requests.map(({ method }) => method)).toEqual(['HEAD', 'GET', 'GET']);
    },
  );

  test.each([
    [429, 'registry_rate_limited'],
    [503, 'registry_error'],
  ])('by %i is not asked again', async (status, code) => {
    const { client, server } = await clientOf(always(status));
    expect(await codeOf(client.headManifest('a/b', 'v1'))).toBe(code);
    expect(server.requests).toHaveLength(1);
  });

  test('and GET has the response of both', async () => {
    const { client } = await clientOf((request, response) =>
      always(request.method === 'HEAD' ? 405 : 412)(request, response),
    );
    await expect(client.headManifest('a/b', 'v1')).rejects.toMatchObject({
      code: 'registry_response_invalid',
      details: { status: 412 },
    });
  });
});

describe('a login page', () => {
  const page: Handler = (_, response) =>
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<html>');

  test('is no list, and no manifest with a digest', async () => {
    const { client } = await clientOf(page);
    expect(await codeOf(client.listTags('a/b'))).toBe('registry_unauthorized');
    expect(await codeOf(client.headManifest('a/b', 'v1'))).toBe('registry_unauthorized');
    expect(await codeOf(client.getManifest('a/b', 'v1'))).toBe('registry_unauthorized');
  });

  test('elsewhere names the host that shows it', async () => {
    const { server: login } = await clientOf(page);
    const { client } = await clientOf((_, response) =>
      response.writeHead(302, { location: `http://${login.host}/login` }).end(),
    );
    await expect(client.listTags('a/b')).rejects.toMatchObject({
      message: `${login.host} returned a web page for the tags of a/b, as a login does`,
    });
  });

  test('bytes that are not JSON are no manifest of a tag either', async () => {
    const { client } = await clientOf((_, response) => response.writeHead(200).end('hello'));
    expect(await codeOf(client.headManifest('a/b', 'v1'))).toBe('registry_response_invalid');
  });
});

describe('a token service', () => {
  /** A registry whose token service returns this body after a challenge in this form. */
  async function tokenOf(body: string, challenge: (realm: string) => string | string[]) {
    const { client, server } = await clientOf((request, response) => {
      if (request.url?.startsWith('/token'))
        return response.writeHead(200, { 'content-type': 'application/json' }).end(body);
      if (request.headers.authorization === 'Bearer opaque')
        return sendJson(response, { tags: ['v1'] });
      const realm = `http://${request.headers.host}/token`;
      response.writeHead(401, { 'www-authenticate': challenge(realm) }).end();
    });

    const code = await codeOf(client.listTags('a/b'));
    return { code, asked: server.requests.map(({ url }) => url) };
  }

  const usual = (realm: string) => `Bearer realm="${realm}",service="r"`;

  // distribution/distribution#1746, google/go-containerregistry#81
  test.each([
    ['a lifetime as text', '{"token":"opaque","expires_in":"300"}'],
    ['a lifetime that is null', '{"token":"opaque","expires_in":null}'],
    ['a lifetime in words', '{"token":"opaque","expires_in":"soon"}'],
    ['a fraction of a second', '{"token":"opaque","expires_in":0.5}'],
    ['access_token alone', '{"access_token":"opaque"}'],
    ['an empty token beside access_token', '{"token":"","access_token":"opaque"}'],
    ['a token that is null beside access_token', '{"token":null,"access_token":"opaque"}'],
    ['both', '{"token":"opaque","access_token":"other","issued_at":5}'],
  ])('may return %s', async (_, body) => {
    expect((await tokenOf(body, usual)).code).toBe('none');
  });

  test.each([
    ['in lower case', (realm: string) => `bearer realm="${realm}"`],
    ['without quotes', (realm: string) => `Bearer realm=${realm}`],
    ['after a Basic one', (realm: string) => `Basic realm="r", Bearer realm="${realm}"`],
    ['in the second of two headers', (realm: string) => ['Negotiate', `BEARER realm="${realm}"`]],
    ['by a path of the registry (project-zot/zot#4033)', () => 'Bearer realm="/token"'],
    // nicholas-fedor/watchtower#1895: GCP names no service.
    ['without a service', (realm: string) => `Bearer realm="${realm}"`],
  ])('may be named by a challenge %s', async (_, challenge) => {
    const { code, asked } = await tokenOf('{"token":"opaque"}', challenge);
    expect(code).toBe('none');
    expect(asked[1]).toContain('scope=repository%3Aa%2Fb%3Apull');
  });

  test.each(['token', '//other.test/token', 'ftp://r.test/token'])(
    'is not named by %s',
    async (realm) => {
      const { code, asked } = await tokenOf('{"token":"opaque"}', () => `Bearer realm="${realm}"`);
      expect(code).toBe('registry_response_invalid');
      expect(asked.length).toBe(1);
    },
  );

  test.each(['{"token":""}', '{}', '{"token":7}', '{"token":"a b"}'])(
    'that returns %s gives no token',
    async (body) => {
      expect((await tokenOf(body, usual)).code).toBe('registry_response_invalid');
    },
  );
});

test('no response is encoded for the transfer, because digests are of what is not (quay/quay#1310)', async () => {
  const bytes = Buffer.from('{"schemaVersion":2,"layers":[]}');
  const { client } = await clientOf((request, response) => {
    const identity = request.headers['accept-encoding'] === 'identity';
    response.writeHead(200, identity ? {} : { 'content-encoding': 'gzip' });
    response.end(identity ? bytes : gzipSync(bytes));
  });
  expect((await client.getManifest('a/b', 'v1')).digest).toBe(digestOf(bytes));
});
