import type { ErrorCode } from '../../../shared/base/error-codes.ts';
import { emptyBlob, mediaTypes } from '../../../shared/registry/index.ts';
import { layerType, sha256 } from '../flow.ts';

/** What a registry serves of one repository, whatever it is asked for. */
export interface Served {
  /** What the tag names. */
  top: Buffer;
  /** Digest → a further manifest's bytes, which need not have that digest. */
  manifests?: Map<string, Buffer>;
  /**
   * The media type that the registry gives all of them; an OCI manifest's where nothing is said.
   */
  contentType?: string;
}

const config = { mediaType: mediaTypes.empty, digest: emptyBlob.digest, size: emptyBlob.size };
const document = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const many = <Item>(count: number, make: (index: number) => Item) =>
  Array.from({ length: count }, (_, index) => make(index));

/** Documents that a module's author may have signed, and what becomes of each. */
export function hostileArtifacts(
  tar: Buffer,
): [what: string, outcome: ErrorCode | 'ingested', served: Served][] {
  const layer = { mediaType: layerType, digest: sha256(tar), size: tar.length };
  const manifest = (more: object = {}) =>
    document({ schemaVersion: 2, config, layers: [layer], ...more });
  const ofLayer = (more: object) => ({ top: manifest({ layers: [{ ...layer, ...more }] }) });
  const good = manifest();
  const child = { mediaType: mediaTypes.manifest, digest: sha256(good), size: good.length };
  const amd64 = { platform: { os: 'linux', architecture: 'amd64' } };

  const index = (
    entries: object[],
    manifests: Map<string, Buffer> = new Map([[child.digest, good]]),
  ): Served => ({
    top: document({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: entries }),
    manifests,
    contentType: mediaTypes.index,
  });

  const nested = index([{ ...child, ...amd64 }]).top;
  const nestedChild = { mediaType: mediaTypes.index, digest: sha256(nested), size: nested.length };
  const annotated = (platform: string) =>
    index([{ ...child, annotations: { 'vnd.powernode.module.platform': platform } }]);
  const megabyte = 'x'.repeat(1_000_000);

  return [
    ['no JSON', 'artifact_invalid', { top: document('<html></html>') }],
    ['a JSON list', 'artifact_invalid', { top: document('[]') }],
    [
      'JSON a mebibyte deep',
      'artifact_invalid',
      { top: document(`${'['.repeat(500_000)}${']'.repeat(500_000)}`) },
    ],
    [
      'JSON deep in a key nobody knows',
      'ingested',
      {
        top: document(
          good.toString().replace('{', `{"x":${'['.repeat(500_000)}${']'.repeat(500_000)},`),
        ),
      },
    ],
    [
      'the first schema of Docker',
      'artifact_invalid',
      { top: document({ schemaVersion: 1, name: 'a', tag: 'b', fsLayers: [] }) },
    ],
    ['an image and an index in one', 'artifact_invalid', { top: manifest({ manifests: [child] }) }],
    [
      'a manifest over its limit',
      'manifest_too_large',
      { top: manifest({ annotations: { x: 'x'.repeat(4 * 1024 ** 2) } }) },
    ],
    ['a megabyte of annotations', 'ingested', { top: manifest({ annotations: { x: megabyte } }) }],
    [
      'annotations that are numbers, under a key of a megabyte',
      'artifact_invalid',
      { top: manifest({ annotations: { [megabyte]: 1 } }) },
    ],
    [
      'layers in its prototype',
      'artifact_invalid',
      {
        top: document(
          good.toString().replace('"layers":', '"__proto__":{"layers":').replace(/}$/, '}}'),
        ),
      },
    ],
    [
      'layers twice',
      'artifact_invalid',
      { top: document(good.toString().replace(/}$/, ',"layers":[]}')) },
    ],
    ['no layers', 'media_type_unsupported', { top: manifest({ layers: undefined }) }],
    ['a layer twice', 'media_type_unsupported', { top: manifest({ layers: [layer, layer] }) }],
    [
      'ten thousand layers',
      'media_type_unsupported',
      { top: manifest({ layers: many(10_000, () => layer) }) },
    ],
    ['a layer of a type of a megabyte', 'media_type_unsupported', ofLayer({ mediaType: megabyte })],
    [
      'a layer of a compressed type',
      'media_type_unsupported',
      ofLayer({ mediaType: `${layerType}+gzip` }),
    ],
    [
      'a foreign layer of Docker',
      'media_type_unsupported',
      ofLayer({
        mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
        urls: ['http://169.254.169.254/'],
      }),
    ],
    [
      'a layer that is said to lie elsewhere',
      'ingested',
      ofLayer({ urls: ['http://169.254.169.254/latest/meta-data'] }),
    ],
    [
      'a layer with other bytes in its descriptor',
      'ingested',
      ofLayer({ data: Buffer.from('other bytes').toString('base64') }),
    ],
    [
      'a layer that is said to be shorter',
      'blob_size_mismatch',
      ofLayer({ size: tar.length - 512 }),
    ],
    [
      'a layer that is said to be longer',
      'blob_size_mismatch',
      ofLayer({ size: tar.length + 512 }),
    ],
    [
      'a layer of more than a layer may be',
      'layer_too_large',
      ofLayer({ size: 4 * 1024 ** 3 + 1 }),
    ],
    ['a layer of a negative size', 'artifact_invalid', ofLayer({ size: -1 })],
    ['a layer of half a byte', 'artifact_invalid', ofLayer({ size: 0.5 })],
    [
      'a layer of a size beyond numbers',
      'artifact_invalid',
      { top: document(good.toString().replace(`"size":${tar.length}`, '"size":1e400')) },
    ],
    [
      'a layer whose digest is a path',
      'artifact_invalid',
      ofLayer({ digest: 'sha256:../../../../etc/passwd' }),
    ],
    [
      'a layer named by SHA-512',
      'artifact_invalid',
      ofLayer({ digest: `sha512:${'a'.repeat(128)}` }),
    ],
    [
      'a layer that the registry does not have',
      'registry_not_found',
      ofLayer({ digest: `sha256:${'a'.repeat(64)}` }),
    ],
    ['a subject that is another artifact', 'ingested', { top: manifest({ subject: child }) }],
    [
      'a registry that calls it an index',
      'ingested',
      { top: manifest({ annotations: { is: 'a manifest' } }), contentType: mediaTypes.index },
    ],
    [
      'a registry that calls it a page',
      'ingested',
      { top: manifest({ annotations: { is: 'no page' } }), contentType: 'text/html' },
    ],
    [
      'an index that the registry calls a manifest',
      'ingested',
      { ...index([{ ...child, ...amd64 }]), contentType: mediaTypes.manifest },
    ],
    ['an index of nothing', 'platform_missing', index([])],
    [
      'an index of twenty thousand for no platform',
      'platform_missing',
      index(many(20_000, () => child)),
    ],
    [
      'an index of fifty-one platforms',
      'artifact_invalid',
      index(many(51, (n) => ({ ...child, platform: { os: 'linux', architecture: `a${n}` } }))),
    ],
    [
      'an index within an index',
      'artifact_invalid',
      index([{ ...nestedChild, ...amd64 }], new Map([[nestedChild.digest, nested]])),
    ],
    ['an index with a platform of a megabyte', 'artifact_invalid', annotated(megabyte)],
    ['an index with a path for a platform', 'artifact_invalid', annotated('../../etc')],
    ['an index without a name for its platform', 'artifact_invalid', annotated('')],
    [
      'an index that lies about the size of a child',
      'blob_size_mismatch',
      index([{ ...child, ...amd64, size: child.size + 1 }]),
    ],
    [
      'an index whose child is served as another',
      'manifest_digest_mismatch',
      index(
        [{ ...child, ...amd64 }],
        new Map([[child.digest, manifest({ annotations: { another: 'one' } })]]),
      ),
    ],
    [
      'an index whose child is gone',
      'registry_not_found',
      index([{ ...child, ...amd64 }], new Map()),
    ],
  ];
}
