import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GantryError } from '../../../shared/base/error.ts';
import {
  attachBundle,
  collectSignatures,
  createRegistryMemory,
  emptyBlob,
  fallbackTag,
  mediaTypes,
  parseIndex,
  parseManifest,
  RegistryClient,
  type RequestEvent,
} from '../../../shared/registry/index.ts';
import {
  basicCredentials,
  type DockerRegistry,
  overwriteBlob,
  startDockerRegistry,
} from '../../support/docker-registry.ts';
import { startTokenService, type TokenService } from '../../support/token-service.ts';

const digestOf = (bytes: Uint8Array) =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** Pushes an artifact of one layer and returns its parts. */
async function pushArtifact(
  client: RegistryClient,
  repository: string,
  tag: string,
  layer: Buffer,
) {
  const blob = { digest: digestOf(layer), size: layer.length };
  await client.pushBlob(repository, blob, layer);
  await client.pushBlob(repository, emptyBlob, emptyBlob.bytes);

  const manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: mediaTypes.empty, digest: emptyBlob.digest, size: emptyBlob.size },
    layers: [{ mediaType: 'application/x.test', ...blob }],
  };

  const bytes = Buffer.from(JSON.stringify(manifest));
  const { digest } = await client.putManifest(repository, tag, {
    bytes,
    mediaType: mediaTypes.manifest,
  });

  return { blob, digest };
}

async function read(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error) => (error instanceof GantryError ? error.code : String(error)),
  );

describe.each([
  ['open to anyone', undefined],
  ['with basic authentication', 'basic'],
] as const)('a docker-registry %s', (_, auth) => {
  let registry: DockerRegistry;
  let client: RegistryClient;
  const requests: string[] = [];

  beforeAll(async () => {
    registry = await startDockerRegistry(auth ? { auth } : {});
    client = new RegistryClient({
      host: registry.host,
      credentials: auth ? basicCredentials : null,
      onRequest: ({ method, status }) => requests.push(`${method} ${status}`),
    });
  });

  afterAll(() => registry?.stop());

  test('returns the pushed content by tag, by digest and by range', async () => {
    const layer = randomBytes(300_000);
    const { blob, digest } = await pushArtifact(client, 'team/module', 'v1.0.0', layer);

    expect((await client.headManifest('team/module', 'v1.0.0')).claimedDigest).toBe(digest);
    expect((await client.getManifest('team/module', digest)).mediaType).toBe(mediaTypes.manifest);
    expect((await read(client.getBlob('team/module', blob))).equals(layer)).toBe(true);

    const rest = await read(client.getBlob('team/module', blob, { offset: 299_990 }));
    expect(rest.equals(layer.subarray(299_990))).toBe(true);

    const part = await client.getBlobRange('team/module', blob.digest, 1000, 24);
    expect(Buffer.from(part).equals(layer.subarray(1000, 1024))).toBe(true);
  });

  test('streams an upload with progress, and checks before it sends the same again', async () => {
    const bytes = randomBytes(2_000_000);
    const blob = { digest: digestOf(bytes), size: bytes.length };
    const source = async function* () {
      for (let at = 0; at < bytes.length; at += 500_000) yield bytes.subarray(at, at + 500_000);
    };
    const seen: number[] = [];

    expect(await client.pushBlob('team/upload', blob, source, (sent) => seen.push(sent))).toEqual({
      uploaded: true,
    });
    expect(seen).toEqual([500_000, 1_000_000, 1_500_000, 2_000_000, 2_000_000]);
    expect(await client.pushBlob('team/upload', blob, source)).toEqual({ uploaded: false });
  });

  test('an upload of other bytes than stated is refused', async () => {
    const blob = { digest: digestOf(Buffer.from('a')), size: 1 };
    expect(await codeOf(client.pushBlob('team/wrong', blob, Buffer.from('b')))).toBe(
      'registry_response_invalid',
    );

    const short = async function* () {
      yield Buffer.from('ab').subarray(0, 1);
    };
    expect(await codeOf(client.pushBlob('team/wrong', { ...blob, size: 2 }, short))).toBe(
      'blob_size_mismatch',
    );
  });

  test('an unchanged list of tags costs one request', async () => {
    for (const tag of ['v1', 'v2', 'v3'])
      await pushArtifact(client, 'team/tags', tag, Buffer.from(tag));
    requests.length = 0;
    expect((await client.listTags('team/tags')).tags.sort()).toEqual(['v1', 'v2', 'v3']);
    expect(requests).toEqual(['GET 200']);
  });

  test('something that does not exist is not found', async () => {
    expect(await codeOf(client.listTags('team/none'))).toBe('registry_not_found');
    expect(await codeOf(client.headManifest('team/module', 'v9'))).toBe('registry_not_found');

    expect(
      await codeOf(
        read(client.getBlob('team/module', { digest: digestOf(Buffer.from('?')), size: 1 })),
      ),
    ).toBe('registry_not_found');

    expect(await collectSignatures(client, 'team/module', digestOf(Buffer.from('?')))).toEqual([]);
  });

  test('bytes altered in its storage are noticed', async () => {
    const layer = randomBytes(5000);
    const { blob } = await pushArtifact(client, 'team/altered', 'v1', layer);
    const altered = Buffer.from(layer);

    altered[4999] = (altered[4999] ?? 0) ^ 1;
    await overwriteBlob(registry, blob.digest, altered);
    expect(await codeOf(read(client.getBlob('team/altered', blob)))).toBe('blob_digest_mismatch');
    await overwriteBlob(registry, blob.digest, altered.subarray(0, 4000));
    expect(await codeOf(read(client.getBlob('team/altered', blob)))).toBe('blob_size_mismatch');
  });

  test('several signatures share the fallback tag, sorted by digest', async () => {
    const { digest } = await pushArtifact(client, 'team/signed', 'v1', Buffer.from('signed'));
    const subject = await client.getManifest('team/signed', digest);
    const attached: string[] = [];

    for (const n of [1, 2, 3]) {
      const at = new Date('2026-01-02T03:04:05.678Z');
      attached.push(
        (
          await attachBundle(client, {
            repository: 'team/signed',
            subject,
            bundle: { n },
            createdAt: at,
          })
        ).digest,
      );
    }

    const content = await client.getManifest('team/signed', fallbackTag(digest));
    expect(parseIndex(content.bytes).manifests.map((entry) => entry.digest)).toEqual(
      attached.sort(),
    );

    const candidates = await collectSignatures(client, 'team/signed', digest);
    expect(candidates.map((candidate) => candidate.source)).toEqual(Array(3).fill('fallback_tag'));
  });

  test('a fallback tag that names the artifact itself lists nothing, and is replaced (oras-project/oras-go#1396, sigstore/cosign#4564)', async () => {
    const { digest } = await pushArtifact(client, 'team/copied', 'v1', Buffer.from('copied'));
    const subject = await client.getManifest('team/copied', digest);
    await client.putManifest('team/copied', fallbackTag(digest), subject);
    expect(await collectSignatures(client, 'team/copied', digest)).toEqual([]);

    await attachBundle(client, {
      repository: 'team/copied',
      subject,
      bundle: { n: 1 },
      createdAt: new Date('2026-01-02T03:04:05.678Z'),
    });
    const candidates = await collectSignatures(client, 'team/copied', digest);
    expect(candidates.map((candidate) => candidate.source)).toEqual(['fallback_tag']);
  });
});

test('a docker-registry refuses those without its password', async () => {
  const registry = await startDockerRegistry({ auth: 'basic' });
  try {
    for (const credentials of [null, { username: 'gantry', password: 'wrong' }]) {
      const client = new RegistryClient({ host: registry.host, credentials });
      await expect(client.listTags('team/module')).rejects.toMatchObject({
        code: 'registry_unauthorized',
        message: `${registry.host} refused access to the tags of team/module${credentials === null ? ' without credentials' : ''} (401)`,
      });
      expect(
        await codeOf(collectSignatures(client, 'team/module', digestOf(Buffer.from('?')))),
      ).toBe('registry_unauthorized');
    }
  } finally {
    await registry.stop();
  }
});

describe('a docker-registry with a token service', () => {
  let tokens: TokenService;
  let registry: DockerRegistry;

  beforeAll(async () => {
    tokens = await startTokenService(basicCredentials);
    registry = await startDockerRegistry({ auth: tokens.auth });
  });
  afterAll(async () => {
    await registry.stop();
    await tokens.stop();
  });

  test('takes what is pushed and gives it back, each with a token of its scope', async () => {
    const client = new RegistryClient({ host: registry.host, credentials: basicCredentials });
    tokens.requests.length = 0;

    const { blob, digest } = await pushArtifact(
      client,
      'team/tokens',
      'v1',
      Buffer.from('by token'),
    );

    expect(String(await read(client.getBlob('team/tokens', blob)))).toBe('by token');
    expect((await client.headManifest('team/tokens', 'v1')).claimedDigest).toBe(digest);

    const scopes = tokens.requests.map(({ url }) =>
      new URL(url, 'http://t').searchParams.get('scope'),
    );
    expect(scopes).toEqual(['repository:team/tokens:pull,push', 'repository:team/tokens:pull']);
  });

  test('costs one request a list once its tokens are known, also for the next client', async () => {
    const memory = createRegistryMemory();
    const requests: string[] = [];

    const list = () => {
      const onRequest = ({ method, url }: RequestEvent) =>
        requests.push(`${method} ${new URL(url).pathname}`);
      return new RegistryClient({
        host: registry.host,
        credentials: basicCredentials,
        memory,
        onRequest,
      }).listTags('team/tokens');
    };

    await list();
    expect(requests).toEqual([
      'GET /v2/team/tokens/tags/list',
      'GET /token',
      'GET /v2/team/tokens/tags/list',
    ]);

    requests.length = 0;
    await list();
    expect(requests).toEqual(['GET /v2/team/tokens/tags/list']);
  });

  test('is asked for a new token when the old one is not taken any more', async () => {
    const memory = createRegistryMemory();
    const client = new RegistryClient({
      host: registry.host,
      credentials: basicCredentials,
      memory,
    });

    await client.listTags('team/tokens');
    memory.tokens.set('repository:team/tokens:pull', 'no.such.token', { ttl: 60_000 });
    expect((await client.listTags('team/tokens')).tags).toEqual(['v1']);
  });

  test('refuses those whom the token service does not know', async () => {
    for (const credentials of [null, { username: 'gantry', password: 'wrong' }]) {
      const client = new RegistryClient({ host: registry.host, credentials });
      await expect(client.listTags('team/tokens')).rejects.toMatchObject({
        code: 'registry_unauthorized',
        message: expect.stringMatching(credentials === null ? / without credentials$/ : /:pull$/),
      });
    }
  });
});

test('manifests and lists of Docker’s own media types are read like those of OCI', async () => {
  const registry = await startDockerRegistry();
  try {
    const client = new RegistryClient({ host: registry.host });
    const layer = Buffer.from('docker layer');
    const config = Buffer.from(
      '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}',
    );

    for (const bytes of [layer, config]) {
      await client.pushBlob('team/docker', { digest: digestOf(bytes), size: bytes.length }, bytes);
    }

    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: mediaTypes.dockerManifest,
        config: {
          mediaType: 'application/vnd.docker.container.image.v1+json',
          ...identityOf(config),
        },
        layers: [
          { mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', ...identityOf(layer) },
        ],
      }),
    );

    const { dockerManifest, dockerIndex } = mediaTypes;
    await client.putManifest('team/docker', 'v1', { bytes: manifest, mediaType: dockerManifest });

    const child = {
      mediaType: dockerManifest,
      ...identityOf(manifest),
      platform: { os: 'linux', architecture: 'amd64' },
    };

    const list = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: dockerIndex, manifests: [child] }),
    );
    await client.putManifest('team/docker', 'v2', { bytes: list, mediaType: dockerIndex });

    expect(await client.headManifest('team/docker', 'v1')).toMatchObject({
      mediaType: dockerManifest,
    });

    const found = await client.getManifest('team/docker', 'v2');
    expect(found.mediaType).toBe(dockerIndex);

    const [first] = parseIndex(found.bytes).manifests;
    const { bytes } = await client.getManifest('team/docker', first?.digest ?? '');

    expect(parseManifest(bytes).layers.map(({ digest }) => digest)).toEqual([digestOf(layer)]);
  } finally {
    await registry.stop();
  }
});

const identityOf = (bytes: Uint8Array) => ({ digest: digestOf(bytes), size: bytes.length });
