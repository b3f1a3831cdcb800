import { sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mediaTypes, RegistryClient } from '../../../shared/registry/index.ts';
import { signArtifact } from '../../../shared/signature/index.ts';
import { type DockerRegistry, startDockerRegistry } from '../../support/docker-registry.ts';
import {
  alone,
  type Interference,
  pushLayers,
  pushManifest,
  type RegistryProxy,
  sha256,
  signDigest,
  startRegistryProxy,
  walk,
} from '../../support/flow.ts';
import { publishRandom, type Stage } from '../../support/once.ts';
import { authorKey, World } from '../../support/world.ts';

const key = authorKey();
let registry: DockerRegistry;
let proxy: RegistryProxy;
let stage: Stage;

beforeAll(async () => {
  registry = await startDockerRegistry();
  proxy = await startRegistryProxy(registry.host);

  const world = await World.create(proxy.host);
  const services = await alone(world.services);

  stage = { world, services, client: new RegistryClient({ host: registry.host }), key };
});
afterAll(async () => {
  await stage.world.close();
  await proxy.stop();
  await registry.stop();
});

/**
 * A repository with an artifact that the author signed, and what the registry would rather have
 * taken in.
 */
interface Ground {
  /** `<account>/<module>`, in the registry. */
  repository: string;
  signed: string;
  layer: string;
  /** Returns whatever the registry likes for a path of the repository. */
  answer: (path: string, bytes: Buffer, type: string) => void;
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value));
const evilTar = Buffer.from('evil');
const simpleSigning = (digest: string) =>
  json({
    critical: {
      image: { 'docker-manifest-digest': digest },
      type: 'cosign container image signature',
    },
  });
const byAuthor = (bytes: Buffer) => sign('sha256', bytes, key.private).toString('base64');

async function pushEvil({ repository }: Ground, tag: string): Promise<string> {
  return (await pushLayers(stage.client, repository, tag, [{ bytes: evilTar }])).digest;
}

/**
 * Lists bytes that the author signed as a tag's manifest, with that signature as a bundle about it.
 */
async function serveAsManifest({ repository, answer }: Ground, bytes: Buffer): Promise<string> {
  const digest = sha256(bytes);
  const { mediaType, verificationMaterial } = signArtifact({ digest, key: key.private });
  const messageDigest = {
    algorithm: 'SHA2_256',
    digest: Buffer.from(digest.slice(7), 'hex').toString('base64'),
  };

  const bundle = json({
    mediaType,
    verificationMaterial,
    messageSignature: { messageDigest, signature: byAuthor(bytes) },
  });

  const referrer = await pushLayers(stage.client, repository, null, [
    { bytes: bundle, mediaType: mediaTypes.bundle },
  ]);
  answer('tags/list', json({ tags: ['v6.6.6'] }), 'application/json');
  for (const name of ['v6.6.6', digest]) answer(`manifests/${name}`, bytes, mediaTypes.manifest);

  answer(
    `manifests/${digest.replace(':', '-')}`,
    json({ schemaVersion: 2, manifests: [referrer] }),
    mediaTypes.index,
  );

  return digest;
}

type Attempt = [string, (ground: Ground) => Promise<string>, { state: string; code: string }];
const mismatch = { state: 'rejected', code: 'digest_mismatch' };
const unsigned = { state: 'awaiting_signature', code: 'awaiting_signature' };
const signedFile = { state: 'rejected', code: 'payload_invalid' };

const attempts: Attempt[] = [
  [
    'by referrers of the signed one that it lists for another',
    async (ground) => {
      const digest = await pushEvil(ground, 'v6.6.6');
      const listed = await stage.client.fallbackReferrers(ground.repository, ground.signed);

      ground.answer(
        `referrers/${digest}`,
        json({ schemaVersion: 2, manifests: listed?.descriptors }),
        mediaTypes.index,
      );

      return digest;
    },
    mismatch,
  ],
  [
    'by the fallback tag of the signed one under the name of another',
    async (ground) => {
      const digest = await pushEvil(ground, 'v6.6.6');
      const index = await stage.client.getManifest(
        ground.repository,
        ground.signed.replace(':', '-'),
      );

      await stage.client.putManifest(ground.repository, digest.replace(':', '-'), index);
      return digest;
    },
    mismatch,
  ],
  [
    'by a legacy signature of the signed one under the tag of another',
    async (ground) => {
      const digest = await pushEvil(ground, 'v6.6.6');
      const payload = simpleSigning(ground.signed);
      const { repository } = ground;

      const blob = {
        mediaType: mediaTypes.simpleSigning,
        digest: sha256(payload),
        size: payload.length,
      };

      await pushLayers(stage.client, repository, null, [{ bytes: payload }]);
      const annotations = { 'dev.cosignproject.cosign/signature': byAuthor(payload) };
      const content = { config: blob, layers: [{ ...blob, annotations }] };

      await pushManifest(
        stage.client,
        repository,
        `${digest.replace(':', '-')}.sig`,
        mediaTypes.manifest,
        content,
      );

      return digest;
    },
    mismatch,
  ],
  [
    'of an index, for a child that the index does not have',
    async (ground) => {
      const digest = await pushEvil(ground, 'v6.6.6');
      const child = await stage.client.getManifest(ground.repository, ground.signed);

      const { digest: index } = await pushManifest(
        stage.client,
        ground.repository,
        null,
        mediaTypes.index,
        {
          manifests: [{ mediaType: mediaTypes.manifest, digest: child.digest, size: child.size }],
        },
      );

      await signDigest(stage.client, ground.repository, index, key, digest);
      return digest;
    },
    mismatch,
  ],
  [
    'of an index, for its child alone',
    async (ground) => {
      const child = await pushLayers(stage.client, ground.repository, 'v6.6.6', [
        { bytes: evilTar },
      ]);
      const { digest } = await pushManifest(
        stage.client,
        ground.repository,
        null,
        mediaTypes.index,
        {
          manifests: [child],
        },
      );

      await signDigest(stage.client, ground.repository, digest, key);
      return child.digest;
    },
    unsigned,
  ],
  [
    'of an artifact, for an index around it',
    async (ground) => {
      const child = await stage.client.getManifest(ground.repository, ground.signed);
      const manifests = [
        { mediaType: mediaTypes.manifest, digest: child.digest, size: child.size },
      ];
      const content = { manifests, annotations: { 'org.opencontainers.image.version': '6.6.6' } };

      return (
        await pushManifest(stage.client, ground.repository, 'v6.6.6', mediaTypes.index, content)
      ).digest;
    },
    unsigned,
  ],
  [
    'over a signature’s payload, served as the manifest that it is not',
    (ground) => serveAsManifest(ground, simpleSigning(ground.signed)),
    signedFile,
  ],
  [
    'over a layer, served as a manifest',
    async (ground) => serveAsManifest(ground, Buffer.from(await readLayer(ground))),
    signedFile,
  ],
];

async function readLayer({ repository, signed, layer }: Ground): Promise<Uint8Array> {
  const { bytes } = await stage.client.getManifest(repository, signed);
  const { layers } = JSON.parse(Buffer.from(bytes).toString());
  return stage.client.readBlob(repository, { digest: layer, size: layers[0].size }, 1024 ** 2);
}

describe('a registry that has a signature of the author', () => {
  it.each(attempts)('cannot use one %s', async (_, attempt, expected) => {
    const { world, services } = stage;
    const name = `evil-${attempts.findIndex(([, one]) => one === attempt)}`;
    const { digest: signed, layer } = await publishRandom(stage, name);
    const answers = new Map<string, { bytes: Buffer; type: string }>();
    const repository = `${world.account}/${name}`;

    const ground: Ground = {
      repository,
      signed,
      layer,
      answer: (path, bytes, type) => answers.set(`/v2/${repository}/${path}`, { bytes, type }),
    };

    const digest = await attempt(ground);
    proxy.interfere = instead(answers);

    try {
      expect(await walk(services, world.account, name, digest)).toMatchObject(expected);
      expect(await world.version(name, digest)).toBeNull();
    } finally {
      proxy.interfere = null;
    }
  });
});

function instead(answers: Map<string, { bytes: Buffer; type: string }>): Interference {
  return ({ url = '', method }, response) => {
    const found = answers.get(url.split('?')[0] ?? '');
    if (found === undefined) return false;

    const { bytes, type } = found;
    response.writeHead(200, {
      'content-type': type,
      'content-length': String(bytes.length),
      ...(url.includes('/manifests/') ? { 'docker-content-digest': sha256(bytes) } : {}),
    });

    response.end(method === 'HEAD' ? undefined : bytes);
    return true;
  };
}
