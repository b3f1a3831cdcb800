import { Agent } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { limits } from '../../../shared/base/limits/index.ts';
import { signPredicateType } from '../../../shared/domain/signatures/index.ts';
import { collectSignatures, mediaTypes, RegistryClient } from '../../../shared/registry/index.ts';
import { codeOf, type Handler, sendJson } from '../../support/http-server.ts';
import {
  bundleReferrer,
  descriptor,
  digestOf,
  index,
  registryOf,
} from '../../support/referrers.ts';
import { clientOf, stopServers } from '../../support/served-registry.ts';

afterEach(stopServers);

describe('signatures beside an artifact', () => {
  const digest = `sha256:${'a'.repeat(64)}`;

  test('are found through the referrers API where there is one', async () => {
    const { layer, manifest, descriptor: found } = bundleReferrer('{"a":1}');
    const { client } = await clientOf((request, response) => {
      if (request.url?.includes('/referrers/'))
        return sendJson(response, index([{ ...found, artifactType: mediaTypes.empty }]));
      registryOf({ [`manifests/${found.digest}`]: manifest, [`blobs/${digestOf(layer)}`]: layer })(
        request,
        response,
      );
    });

    expect(await collectSignatures(client, 'a/b', digest)).toEqual([
      { format: 'bundle', source: 'referrers', claimed_digest: found.digest, bundle: { a: 1 } },
    ]);
  });

  test('are found on every page that the referrers API answers, whatever type they are listed as', async () => {
    const pages = ['{"a":1}', '{"b":2}', '{"c":3}'].map((bundle) => bundleReferrer(bundle));
    const contents: Record<string, Buffer> = {};

    for (const { layer, manifest, descriptor: found } of pages) {
      contents[`manifests/${found.digest}`] = manifest;
      contents[`blobs/${digestOf(layer)}`] = layer;
    }

    const types = [undefined, 'application/vnd.oci.image.config.v1+json', ''];
    const { client, server } = await clientOf((request, response) => {
      const at = new URL(request.url ?? '', 'http://r');
      if (!at.pathname.includes('/referrers/')) return registryOf(contents)(request, response);

      const page = Number(at.searchParams.get('page') ?? 0);
      const found = { ...pages[page]?.descriptor, artifactType: types[page] };
      const next = `<${at.pathname}?page=${page + 1}>; rel="next"`;

      response.writeHead(200, {
        'content-type': mediaTypes.index,
        ...(page < 2 ? { link: next } : {}),
      });
      response.end(JSON.stringify(index([found])));
    });

    const bundles = (await collectSignatures(client, 'a/b', digest)).map(
      (found) => 'bundle' in found && found.bundle,
    );
    expect(bundles).toEqual(expect.arrayContaining([{ a: 1 }, { b: 2 }, { c: 3 }]));
    expect(server.requests.filter(({ url }) => url.includes('/referrers/'))).toHaveLength(3);
  });

  test.each([429, 403, 503, 404, 200])(
    'are found at the fallback tag where the referrers API leads to another host, which answers %i',
    async (status) => {
      const { layer, manifest, descriptor: found } = bundleReferrer('{"a":1}');
      const { server: elsewhere } = await clientOf((_, response) =>
        response.writeHead(status, { 'content-type': 'text/html' }).end('<html>'),
      );

      const { client } = await clientOf((request, response) => {
        if (request.url?.includes('/referrers/'))
          return response.writeHead(303, { location: `http://${elsewhere.host}/packages` }).end();
        registryOf({
          [`manifests/${digest.replace(':', '-')}`]: Buffer.from(JSON.stringify(index([found]))),
          [`manifests/${found.digest}`]: manifest,
          [`blobs/${digestOf(layer)}`]: layer,
        })(request, response);
      });

      const [signature, ...noted] = await collectSignatures(client, 'a/b', digest);
      expect(signature).toEqual({
        format: 'bundle',
        source: 'fallback_tag',
        claimed_digest: found.digest,
        bundle: { a: 1 },
      });

      // A host that is busy may have the list, so a verdict without it is none.
      const code = { 429: 'registry_rate_limited', 503: 'registry_error' }[status];
      expect(noted.map(({ unreadable }) => unreadable?.code)).toEqual(code ? [code] : []);
      expect(elsewhere.requests).toHaveLength(1);
    },
  );

  test('a page of github.com that limits the rate of requests says nothing about GHCR', async () => {
    const { layer, manifest, descriptor: found } = bundleReferrer('{"a":1}');
    const registry = registryOf({
      [`manifests/${digest.replace(':', '-')}`]: Buffer.from(JSON.stringify(index([found]))),
      [`manifests/${found.digest}`]: manifest,
      [`blobs/${digestOf(layer)}`]: layer,
    });
    const { server } = await clientOf((request, response) => {
      if (request.url?.startsWith('/orgs/')) return response.writeHead(429).end();
      if (!request.url?.includes('/referrers/')) return registry(request, response);
      response.writeHead(303, { location: 'http://github.com/orgs/a/packages' }).end();
    });
    // Both names lead to the server of this test.
    const dispatcher = new Agent().compose(
      (dispatch) => (options, handler) =>
        dispatch({ ...options, origin: `http://${server.host}` }, handler),
    );
    const client = new RegistryClient({ host: 'ghcr.io', plainHttp: true, dispatcher });

    expect(await collectSignatures(client, 'a/b', digest)).toMatchObject([{ bundle: { a: 1 } }]);
  });

  test('a repository without the referrers API is not asked again where the fallback tag lists signatures', async () => {
    const { layer, manifest, descriptor: found } = bundleReferrer('{"a":1}');
    const contents: Record<string, Buffer> = {
      [`manifests/${found.digest}`]: manifest,
      [`blobs/${digestOf(layer)}`]: layer,
    };
    let absent = { 'content-type': 'application/json' };
    const { client, server } = await clientOf((request, response) => {
      if (request.url?.includes('/referrers/')) return response.writeHead(404, absent).end();
      registryOf(contents)(request, response);
    });
    const countAsked = async () => {
      const before = server.requests.length;
      await collectSignatures(client, 'a/b', digest);
      return server.requests.slice(before).filter(({ url }) => url.includes('/referrers/')).length;
    };

    // An error of the registry may concern this digest alone.
    expect([await countAsked(), await countAsked()]).toEqual([1, 1]);
    absent = { 'content-type': 'text/plain' };
    expect([await countAsked(), await countAsked()]).toEqual([1, 1]);

    const listed = index([found]);
    contents[`manifests/${digest.replace(':', '-')}`] = Buffer.from(JSON.stringify(listed));
    expect(await countAsked()).toBe(0);
  });

  test('an endless list of referrers is truncated, and the last verdict says so', async () => {
    let page = 0;
    const { client, server } = await clientOf((request, response) => {
      if (!request.url?.includes('/referrers/')) return registryOf({})(request, response);

      const listed = Array.from({ length: 400 }, (_, i) =>
        descriptor(Buffer.from(`${page}-${i}`), mediaTypes.manifest),
      );
      page++;

      const link = `</v2/a/b/referrers/${digest}?page=${page}>; rel="next"`;
      response
        .writeHead(200, { 'content-type': mediaTypes.index, link })
        .end(JSON.stringify(index(listed)));
    });

    const candidates = await collectSignatures(client, 'a/b', digest);
    expect(candidates.at(-1)?.unreadable?.code).toBe('too_many_signatures');
    expect(server.requests.filter(({ url }) => url.includes('/referrers/'))).toHaveLength(
      Math.ceil(limits.referrersMax / 400),
    );
  });

  test.each([500, 503, 429, 401])(
    'a registry that fails with %i is an error and not "unsigned"',
    async (code) => {
      for (const path of [
        `referrers/${digest}`,
        `manifests/${digest.replace(':', '-')}`,
        `manifests/${digest.replace(':', '-')}.sig`,
      ]) {
        const { client } = await clientOf(registryOf({ [path]: code }));
        expect(await codeOf(collectSignatures(client, 'a/b', digest))).toMatch(/^registry_/);
      }
    },
  );

  test('one that is missing, altered, broken or too large hides no other', async () => {
    const good = bundleReferrer('{"good":1}');
    const missing = bundleReferrer('{"missing":1}');
    const altered = bundleReferrer('{"altered":1}');
    const broken = bundleReferrer('no json');
    const large = bundleReferrer(`"${'x'.repeat(limits.signatureBytesMax)}"`);
    const all = [missing, altered, broken, large, good];

    const contents: Record<string, Buffer> = {
      [`manifests/${digest.replace(':', '-')}`]: Buffer.from(
        JSON.stringify(index(all.map((entry) => entry.descriptor))),
      ),
    };

    for (const entry of all) contents[`manifests/${entry.descriptor.digest}`] = entry.manifest;
    for (const entry of [broken, large, good])
      contents[`blobs/${digestOf(entry.layer)}`] = entry.layer;
    contents[`blobs/${digestOf(altered.layer)}`] = Buffer.from('{"altered":2}');

    const { client } = await clientOf(registryOf(contents));
    const candidates = await collectSignatures(client, 'a/b', digest);
    const codes = candidates.map((candidate) => candidate.unreadable?.code ?? 'read');

    expect(codes).toEqual([
      'registry_not_found',
      'blob_digest_mismatch',
      'bundle_invalid',
      'signature_too_large',
      'read',
    ]);
  });

  test('simple signatures attached as referrers are found, other referrers are not', async () => {
    const payload = Buffer.from('{"simple":1}');
    const referrer = (mediaType: string) =>
      Buffer.from(
        JSON.stringify({
          schemaVersion: 2,
          config: descriptor(Buffer.from('{}'), mediaTypes.empty),
          layers: [{ ...descriptor(payload, mediaType), annotations: { a: 'b' } }],
        }),
      );

    const signature = referrer(mediaTypes.simpleSigning);
    const sbom = referrer('application/spdx+json');
    const all = [sbom, signature].map((bytes) => descriptor(bytes, mediaTypes.manifest));

    const { client } = await clientOf(
      registryOf({
        [`manifests/${digest.replace(':', '-')}`]: Buffer.from(JSON.stringify(index(all))),
        [`manifests/${digestOf(signature)}`]: signature,
        [`manifests/${digestOf(sbom)}`]: sbom,
        [`blobs/${digestOf(payload)}`]: payload,
      }),
    );

    expect(await collectSignatures(client, 'a/b', digest)).toEqual([
      {
        format: 'legacy',
        source: 'fallback_tag',
        claimed_digest: digestOf(payload),
        payload: payload.toString('base64'),
        annotations: { a: 'b' },
      },
    ]);
  });

  test('a legacy layer is a signature by its annotation, whatever its media type', async () => {
    const payload = Buffer.from('{}');
    const name = 'dev.cosignproject.cosign/signature';
    const layer = (annotations: Record<string, string>) => ({
      ...descriptor(payload, 'application/octet-stream'),
      annotations,
    });
    const legacy = {
      schemaVersion: 2,
      config: descriptor(payload, mediaTypes.empty),
      layers: [layer({ a: 'b' }), layer({ [name]: '' }), layer({ [name]: 'c2ln' })],
    };

    const { client } = await clientOf(
      registryOf({
        [`manifests/${digest.replace(':', '-')}.sig`]: Buffer.from(JSON.stringify(legacy)),
        [`blobs/${digestOf(payload)}`]: payload,
      }),
    );

    expect(await collectSignatures(client, 'a/b', digest)).toMatchObject([
      { format: 'legacy', payload: payload.toString('base64'), annotations: { [name]: 'c2ln' } },
    ]);
  });

  test('an invalid index does not hide a legacy signature', async () => {
    const payload = Buffer.from('{}');
    const legacy = {
      schemaVersion: 2,
      config: descriptor(payload, mediaTypes.empty),
      layers: [{ ...descriptor(payload, mediaTypes.simpleSigning), annotations: { a: 'b' } }],
    };

    const tag = `manifests/${digest.replace(':', '-')}`;
    const { client } = await clientOf(
      registryOf({
        [tag]: Buffer.from('nonsense'),
        [`${tag}.sig`]: Buffer.from(JSON.stringify(legacy)),
        [`blobs/${digestOf(payload)}`]: payload,
      }),
    );

    const candidates = await collectSignatures(client, 'a/b', digest);
    expect(candidates.map((candidate) => [candidate.format, candidate.unreadable?.code])).toEqual([
      ['bundle', 'registry_response_invalid'],
      ['legacy', undefined],
    ]);
  });

  test('more than the limit are not read, and the last verdict says so', async () => {
    const many = Array.from({ length: limits.foundSignaturesMax + 20 }, (_, i) =>
      bundleReferrer(`{"i":${i}}`),
    );
    const contents: Record<string, Buffer> = {
      [`manifests/${digest.replace(':', '-')}`]: Buffer.from(
        JSON.stringify(index(many.map((entry) => entry.descriptor))),
      ),
    };

    for (const entry of many) {
      contents[`manifests/${entry.descriptor.digest}`] = entry.manifest;
      contents[`blobs/${digestOf(entry.layer)}`] = entry.layer;
    }

    const { client, server } = await clientOf(registryOf(contents));
    const candidates = await collectSignatures(client, 'a/b', digest);

    expect(candidates).toHaveLength(limits.foundSignaturesMax);
    expect(candidates.at(-1)?.unreadable?.code).toBe('too_many_signatures');
    const { referrerManifestsMax, foundSignaturesMax } = limits;
    expect(server.requests.length).toBeLessThanOrEqual(
      4 + referrerManifestsMax + foundSignaturesMax,
    );
  });

  const attestationType = 'https://openvex.dev/ns';

  /** A registry whose fallback tag lists bundles without annotations, as cosign writes it. */
  function fallbackOf(bundles: ReturnType<typeof bundleReferrer>[]): Handler {
    const listed = bundles.map((one) => ({ ...one.descriptor, artifactType: mediaTypes.bundle }));
    const contents: Record<string, Buffer> = {
      [`manifests/${digest.replace(':', '-')}`]: Buffer.from(JSON.stringify(index(listed))),
    };

    for (const { descriptor: found, manifest, layer } of bundles) {
      contents[`manifests/${found.digest}`] = manifest;
      contents[`blobs/${digestOf(layer)}`] = layer;
    }
    return registryOf(contents);
  }

  test('are read before attestations, of which 200 hide none', async () => {
    const many = Array.from({ length: 200 }, (_, i) =>
      bundleReferrer(`{"i":${i}}`, attestationType),
    );
    const signature = bundleReferrer('{"signature":1}', signPredicateType);
    const { client } = await clientOf(fallbackOf([...many, signature]));
    const found = await collectSignatures(client, 'a/b', digest);

    expect(found).toHaveLength(limits.foundSignaturesMax);
    expect(found[0]).toMatchObject({ bundle: { signature: 1 } });
    expect(found.at(-1)?.unreadable?.code).toBe('too_many_signatures');
  });

  test('a bundle may be larger if it says that it is an attestation, and all together are bounded', async () => {
    const mib = 1024 ** 2;
    /** A bundle whose manifest claims another size than it has, which no test has to send. */
    const claiming = (size: number, type: string) => bundleReferrer('{"small":1}', type, size);
    const bundles = [
      claiming(limits.signatureBytesMax + 1, signPredicateType),
      claiming(limits.attestationBytesMax + 1, attestationType),
      bundleReferrer(`{"pad":"${'x'.repeat(2 * mib)}"}`, attestationType),
    ];
    const { client } = await clientOf(fallbackOf(bundles));
    const found = await collectSignatures(client, 'a/b', digest);

    expect(found.map(({ unreadable }) => unreadable?.code ?? 'read').sort()).toEqual([
      'read',
      'signature_too_large',
      'signature_too_large',
    ]);

    // Only four of this size fit in `foundAttestationsBytesMax`. They take no room of a signature,
    // and what is not there takes none of others.
    const pad = 'x'.repeat(7 * mib);
    const full = [1, 2, 3, 4, 5].map((n) =>
      bundleReferrer(`{"n":${n},"p":"${pad}"}`, attestationType),
    );
    const empty = [1, 2, 3, 4].map((n) =>
      claiming(limits.attestationBytesMax - n, attestationType),
    );
    const signature = bundleReferrer('{"signature":1}', signPredicateType);
    const crowded = await clientOf(fallbackOf([...empty, ...full, signature]));
    const all = await collectSignatures(crowded.client, 'a/b', digest);

    expect(all.map(({ unreadable }) => unreadable?.code ?? 'read').sort()).toEqual([
      ...empty.map(() => 'blob_size_mismatch'),
      ...[1, 2, 3, 4].map(() => 'read'),
      'read',
      'signature_too_large',
    ]);
  });

  const envelope = (text: string, size?: number) => {
    const bytes = Buffer.from(text);
    const found = descriptor(bytes, mediaTypes.envelope);
    const annotations = {
      'dev.cosignproject.cosign/signature': '',
      predicateType: attestationType,
    };
    return { bytes, layer: { ...found, size: size ?? found.size, annotations } };
  };
  const attTag = (of: string, layers: unknown[]) => ({
    [`manifests/${of.replace(':', '-')}.att`]: Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        config: descriptor(Buffer.from('{}'), mediaTypes.empty),
        layers,
      }),
    ),
  });
  const blobs = (all: { bytes: Buffer }[]) =>
    Object.fromEntries(all.map(({ bytes }) => [`blobs/${digestOf(bytes)}`, bytes]));

  test('attestations of cosign 2 are found, and one that is bad hides no other', async () => {
    const good = envelope('{"good":1}');
    const missing = envelope('{"missing":1}');
    const large = envelope('{"large":1}', limits.attestationBytesMax + 1);
    const other = { layer: descriptor(good.bytes, 'application/spdx+json') };
    const layers = [missing, large, other, good].map(({ layer }) => layer);
    const { client } = await clientOf(registryOf({ ...attTag(digest, layers), ...blobs([good]) }));

    const found = await collectSignatures(client, 'a/b', digest);
    expect(found.map(({ unreadable }) => unreadable?.code ?? 'read')).toEqual([
      'registry_not_found',
      'signature_too_large',
      'read',
    ]);
    expect(found[2]).toMatchObject({
      format: 'legacy',
      source: 'legacy_tag',
      payload: good.bytes.toString('base64'),
    });
  });

  test('200 attestations of cosign 2 hide no signature', async () => {
    const many = Array.from({ length: 200 }, (_, i) => envelope(`{"i":${i}}`));
    const signature = bundleReferrer('{"signature":1}', signPredicateType);
    const listed = index([signature.descriptor]);
    const { client, server } = await clientOf(
      registryOf({
        [`manifests/${digest.replace(':', '-')}`]: Buffer.from(JSON.stringify(listed)),
        [`manifests/${signature.descriptor.digest}`]: signature.manifest,
        ...attTag(
          digest,
          many.map(({ layer }) => layer),
        ),
        ...blobs([...many, { bytes: signature.layer }]),
      }),
    );

    const found = await collectSignatures(client, 'a/b', digest);
    expect(found).toHaveLength(limits.foundSignaturesMax);
    expect(found[0]).toMatchObject({ bundle: { signature: 1 } });
    expect(found.at(-1)?.unreadable?.code).toBe('too_many_signatures');
    expect(server.requests.length).toBeLessThanOrEqual(6 + limits.foundSignaturesMax);
  });

  test('attestations beside the builds of an index are found once, and their signatures not', async () => {
    const [amd64, arm64] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`] as const;
    const both = bundleReferrer('{"both":1}', attestationType);
    const own = bundleReferrer('{"own":1}', attestationType);
    const signature = bundleReferrer('{"signature":1}', signPredicateType);
    const old = envelope('{"old":1}');
    const contents: Record<string, Buffer> = { ...attTag(arm64, [old.layer]), ...blobs([old]) };
    const attach = (of: string, all: ReturnType<typeof bundleReferrer>[]) => {
      const listed = index(all.map((one) => one.descriptor));
      contents[`manifests/${of.replace(':', '-')}`] = Buffer.from(JSON.stringify(listed));
      for (const { descriptor: found, manifest, layer } of all) {
        contents[`manifests/${found.digest}`] = manifest;
        contents[`blobs/${digestOf(layer)}`] = layer;
      }
    };
    attach(digest, [both]);
    attach(amd64, [both, own, signature]);

    const { client } = await clientOf(registryOf(contents));
    const found = await collectSignatures(client, 'a/b', digest, [amd64, arm64]);
    expect(found).toMatchObject([
      { bundle: { both: 1 } },
      { bundle: { own: 1 } },
      { format: 'legacy', payload: old.bytes.toString('base64') },
    ]);
    expect(await collectSignatures(client, 'a/b', digest)).toHaveLength(1);
  });
});
