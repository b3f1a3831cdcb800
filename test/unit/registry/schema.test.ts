import { describe, expect, test } from 'vitest';
import { GantryError } from '../../../shared/base/error.ts';
import {
  isIndex,
  parseImageConfig,
  parseIndex,
  parseManifest,
  signed,
} from '../../../shared/registry/schema.ts';

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
const digest = `sha256:${'a'.repeat(64)}`;
const descriptor = { mediaType: 'application/octet-stream', digest, size: 3 };
const manifest = { schemaVersion: 2, config: descriptor, layers: [descriptor] };

describe('a document of a registry', () => {
  test('is an index where it lists manifests, whatever else it is', () => {
    expect(isIndex(bytes({ schemaVersion: 2, manifests: [] }))).toBe(true);
    expect(isIndex(bytes(manifest))).toBe(false);
  });

  test('reads with the fields that Gantry uses', () => {
    expect(parseManifest(bytes(manifest))).toMatchObject(manifest);
    const index = { schemaVersion: 2, manifests: [descriptor] };
    expect(parseIndex(bytes(index))).toMatchObject({ manifests: [descriptor] });
  });

  // opencontainers/distribution-spec#494, regclient/regclient#436
  test('is an index whose unreadable entries hide no build beside them', () => {
    const odd = { ...descriptor, digest: `sha512:${'ab'.repeat(64)}` };
    const unknown = { os: 'unknown', architecture: 'unknown' };
    const beside = [
      { ...odd, platform: unknown },
      { ...descriptor, platform: unknown, annotations: { count: 5 } },
      { ...odd, artifactType: 'application/spdx+json' },
    ];
    const index = { schemaVersion: 2, manifests: [...beside, descriptor] };
    expect(parseIndex(bytes(index)).manifests).toEqual([descriptor]);
  });

  const anyBuild = {
    ...descriptor,
    digest: 'sha512:ab',
    annotations: { 'vnd.powernode.module.platform': 'debian-13-amd64' },
  };

  test.each<[string, () => unknown, string]>([
    [
      'an index with a build that cannot be read',
      () =>
        parseIndex(
          bytes({
            schemaVersion: 2,
            manifests: [
              descriptor,
              { ...anyBuild, platform: { os: 'unknown' }, artifactType: 'a/b' },
            ],
          }),
        ),
      'at manifests.1.digest: expected sha256: and 64 hex digits',
    ],
    [
      'an index of numbers',
      () => parseIndex(bytes({ schemaVersion: 2, manifests: [1] })),
      'at manifests.0',
    ],
    [
      'no JSON',
      () => parseManifest(Buffer.from('{')),
      'expected the manifest to be an OCI image manifest, found bytes that are not JSON',
    ],
    [
      'a list',
      () => parseIndex(bytes([]), 'it'),
      'expected it to be an OCI index: at the document',
    ],
    [
      'a manifest without layers',
      () => parseManifest(bytes({ ...manifest, layers: 7 })),
      'at layers',
    ],
    [
      'another digest',
      () => parseManifest(bytes({ ...manifest, config: { ...descriptor, digest: 'md5:1' } })),
      'at config.digest',
    ],
    [
      'a manifest of Docker’s schema 1 (giantswarm/retagger#1234)',
      () => parseManifest(bytes({ schemaVersion: 1, name: 'a', fsLayers: [] })),
      'at schemaVersion',
    ],
    ['a text as an index', () => isIndex(bytes('text')), 'an OCI image manifest or index'],
    ['a text as a config', () => parseImageConfig(bytes('text')), 'an OCI image config'],
  ])('is refused where it is %s', (_, parse, sentence) => {
    const message = expect.stringContaining(sentence);
    expect(parse).toThrow(expect.objectContaining({ code: 'registry_response_invalid', message }));
    expect(() => signed(parse)).toThrow(
      expect.objectContaining({ code: 'artifact_invalid', message }),
    );
  });

  test('that a signature covers keeps errors of another kind', () => {
    const other = new GantryError('registry_timeout', 'It took too long.');
    expect(() =>
      signed(() => {
        throw other;
      }),
    ).toThrow(other);
    expect(signed(() => 7)).toBe(7);
  });
});
