import { afterEach, describe, expect, test } from 'vitest';
import { startDockerRegistry } from '../../../scripts/docker-registry.ts';
import {
  attachBundle,
  collectSignatures,
  findSignatures,
  mediaTypes,
  RegistryClient,
} from '../../../shared/registry/index.ts';
import { emptyBlob } from '../../../shared/registry/schema.ts';
import { startDialectRegistry } from '../../support/dialects.ts';
import { always, codeOf, type Handler, sendJson } from '../../support/http-server.ts';
import {
  bundleReferrer,
  descriptor,
  digestOf,
  index,
  registryOf,
} from '../../support/referrers.ts';
import { clientOf, stopServers } from '../../support/served-registry.ts';

afterEach(stopServers);

describe('signatures', () => {
  const digest = `sha256:${'a'.repeat(64)}`;

  const config = { mediaType: mediaTypes.empty, digest: emptyBlob.digest, size: emptyBlob.size };
  const bareManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config,
    layers: [config],
  };

  /** What a registry gives for places where it has nothing, by the report of each. */
  const absences: [string, Handler][] = [
    ...[401, 403, 405, 410, 412, 415, 500].map((status): [string, Handler] => [
      // 403: sigstore/cosign#2973, #1440 (Artifactory); others: notaryproject/ratify#231
      String(status),
      always(status),
    ]),
    [
      'a login page',
      (_, response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    ],
    [
      'a redirect to itself',
      ({ url }, response) => response.writeHead(302, { location: url ?? '' }).end(),
    ],
  ];

  test.each(absences)(
    'that the registry says by %s to lack are absent, if it has the artifact',
    async (_, absent) => {
      const artifact = Buffer.from('artifact');
      const subject = digestOf(artifact);
      const { layer, manifest, descriptor: found } = bundleReferrer('{"a":1}');
      const contents: Record<string, Buffer> = {
        [`manifests/${found.digest}`]: manifest,
        [`blobs/${digestOf(layer)}`]: layer,
      };
      const { client } = await clientOf((request, response) => {
        const path = decodeURIComponent(request.url ?? '').replace('/v2/a/b/', '');
        if (contents[path] === undefined) return absent(request, response);
        registryOf(contents)(request, response);
      });

      expect(await codeOf(findSignatures(client, 'a/b', subject))).toMatch(/^registry_/);
      contents[`manifests/${subject}`] = artifact;
      const unsigned = await findSignatures(client, 'a/b', subject);
      expect(unsigned).toMatchObject({ found: [], doubt: { code: expect.any(String) } });

      const tag = `manifests/${subject.replace(':', '-')}`;
      contents[tag] = Buffer.from(JSON.stringify(index([found])));
      const signed = await findSignatures(client, 'a/b', subject);
      expect(signed.found).toMatchObject([{ source: 'fallback_tag', bundle: { a: 1 } }]);
    },
  );

  test.each([502, 503, 504])('are not absent where the registry is down (%i)', async (status) => {
    const path = `manifests/${digest.replace(':', '-')}.sig`;
    const artifact = { [`manifests/${digest}`]: Buffer.from('artifact') };
    const { client } = await clientOf(registryOf({ [path]: status, ...artifact }));
    expect(await codeOf(findSignatures(client, 'a/b', digest))).toBe('registry_error');
  });

  test('one that the registry refuses hides no other', async () => {
    const good = bundleReferrer('{"good":1}');
    const refused = [403, 500, 503].map((status) => ({
      status,
      ...bundleReferrer(`{"at":${status}}`),
    }));
    const contents: Record<string, Buffer | number> = {
      [`manifests/${good.descriptor.digest}`]: good.manifest,
      [`blobs/${digestOf(good.layer)}`]: good.layer,
      [`manifests/${digest.replace(':', '-')}`]: Buffer.from(
        JSON.stringify(index([...refused, good].map((one) => one.descriptor))),
      ),
    };
    for (const one of refused) contents[`manifests/${one.descriptor.digest}`] = one.status;

    const { client } = await clientOf(registryOf(contents));
    const found = await collectSignatures(client, 'a/b', digest);
    expect(found.map(({ unreadable }) => unreadable?.code ?? 'read')).toEqual([
      'registry_unauthorized',
      'registry_error',
      'registry_error',
      'read',
    ]);
  });

  // opencontainers/distribution-spec#494, project-zot/zot#1988, google/go-containerregistry#2427
  test.each([
    ['a sha512 digest', { digest: `sha512:${'ab'.repeat(64)}` }, 1],
    ['no size', { size: undefined }, 1],
    ['annotations that are numbers', { annotations: { count: 5 } }, 0],
    ['an artifactType that is null', { artifactType: null }, 0],
  ])('an entry with %s hides none', async (_, odd, unreadableCount) => {
    const good = bundleReferrer('{"good":1}');
    const other = bundleReferrer('{"other":1}');
    const { client } = await clientOf((request, response) => {
      if (request.url?.includes('/referrers/'))
        return sendJson(response, index([{ ...other.descriptor, ...odd }, good.descriptor]));
      registryOf({
        [`manifests/${good.descriptor.digest}`]: good.manifest,
        [`blobs/${digestOf(good.layer)}`]: good.layer,
        [`manifests/${other.descriptor.digest}`]: other.manifest,
        [`blobs/${digestOf(other.layer)}`]: other.layer,
      })(request, response);
    });

    const found = await collectSignatures(client, 'a/b', digest);
    const unreadable = found.filter((one) => one.unreadable !== undefined);
    expect(unreadable).toHaveLength(unreadableCount);
    expect(unreadable.map((one) => one.unreadable?.code)).toEqual(
      unreadable.map(() => 'registry_response_invalid'),
    );
    expect(found.some((one) => 'bundle' in one && one.bundle !== null)).toBe(true);
  });

  test.each([400, 404, 500])(
    'a later page of referrers that fails with %i hides none of the first, and is noted',
    async (status) => {
      const good = bundleReferrer('{"good":1}');
      const { client } = await clientOf((request, response) => {
        if (request.url?.includes('page=2')) return always(status)(request, response);
        const link = `</v2/a/b/referrers/${digest}?page=2>; rel="next"`;
        if (request.url?.includes('/referrers/'))
          return sendJson(response, index([good.descriptor]), { link });
        registryOf({
          [`manifests/${good.descriptor.digest}`]: good.manifest,
          [`blobs/${digestOf(good.layer)}`]: good.layer,
        })(request, response);
      });

      const found = await collectSignatures(client, 'a/b', digest);
      expect(found.map(({ unreadable }) => unreadable?.code ?? 'read')).toEqual([
        'read',
        'registry_error',
      ]);
    },
  );

  // sigstore/cosign#2973 (Artifactory)
  test.each(['absent-403', 'absent-500', 'absent-page', 'absent-login'])(
    'are attached in a registry that has %s for the absent fallback tag',
    async (dialect) => {
      const registry = await startDockerRegistry();
      const proxy = await startDialectRegistry(registry.host);
      proxy.speaking = true;
      const client = new RegistryClient({ host: proxy.host });
      const repository = `a/${dialect}`;

      const bytes = Buffer.from(JSON.stringify(bareManifest));
      const subject = { bytes, ...descriptor(bytes, mediaTypes.manifest) };
      await client.pushBlob(repository, emptyBlob, emptyBlob.bytes);
      await client.putManifest(repository, 'v1.0.0', subject);
      for (const a of [1, 2])
        await attachBundle(client, { repository, subject, bundle: { a }, createdAt: new Date() });

      const found = await collectSignatures(client, repository, subject.digest);
      expect(found.map((one) => 'bundle' in one && one.bundle)).toEqual(
        expect.arrayContaining([{ a: 1 }, { a: 2 }]),
      );
      await proxy.stop();
      await registry.stop();
    },
  );

  test.each([
    ['is listed', [digest.replace(':', '-')], {}],
    ['may be listed', [], { link: '</v2/a/b/tags/list?last=x&n=1000>; rel="next"' }],
  ])('are not attached over a refused fallback tag that %s', async (_, tags, headers) => {
    const artifact = Buffer.from('{"schemaVersion":2}');
    const { client, server } = await clientOf((request, response) => {
      if (request.url?.includes('last=')) return response.writeHead(503).end();
      if (request.url?.includes('/tags/list')) return sendJson(response, { tags }, headers);
      if (request.method === 'HEAD') return response.writeHead(200).end();
      if (request.method === 'PUT') return response.writeHead(201).end();
      response.writeHead(403).end();
    });

    const subject = { bytes: artifact, ...descriptor(artifact, mediaTypes.manifest), digest };
    const attached = attachBundle(client, {
      repository: 'a/b',
      subject,
      bundle: {},
      createdAt: new Date(),
    });
    expect(await codeOf(attached)).toBe('registry_unauthorized');
    const written = server.requests.filter(
      ({ method, url }) => method === 'PUT' && /sha256-/.test(url),
    );
    expect(written).toEqual([]);
  });

  test('one that is attached keeps the entries of others, whatever they are', async () => {
    const artifact = Buffer.from('{"schemaVersion":2}');
    const odd = { mediaType: 'x/y', digest: `sha512:${'ab'.repeat(64)}`, size: 1, more: [1] };
    let written = Buffer.from(JSON.stringify(index([odd])));
    const tag = digestOf(artifact).replace(':', '-');

    const { client } = await clientOf((request, response) => {
      const chunks: Buffer[] = [];
      request
        .on('data', (chunk) => chunks.push(chunk))
        .on('end', () => {
          if (request.method === 'PUT' && request.url?.endsWith(tag))
            written = Buffer.concat(chunks);
          if (request.method === 'PUT') return response.writeHead(201).end();
          if (request.method === 'HEAD') return response.writeHead(200).end();
          response.writeHead(200, { 'content-type': mediaTypes.index }).end(written);
        });
    });

    const subject = { bytes: artifact, ...descriptor(artifact, mediaTypes.manifest) };
    const bundle = { a: 1 };
    await attachBundle(client, { repository: 'a/b', subject, bundle, createdAt: new Date() });
    const { manifests } = JSON.parse(written.toString());
    expect(manifests).toHaveLength(2);
    expect(manifests).toContainEqual(odd);
  });
});
