import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildModule } from '../../cli/build/build-module.ts';
import { artifactManifest } from '../../cli/push/artifact-manifest.ts';
import { readModuleTar } from '../../shared/artifact/index.ts';
import { versionId } from '../../shared/base/ids.ts';
import { composefsImage } from '../../shared/composefs/index.ts';
import { compose, indexOf, renderInstanceFiles, resolve } from '../../shared/composition/index.ts';
import type { DesiredLayer, DesiredState } from '../../shared/contract/reconcile/index.ts';
import { makeDesiredState } from '../../shared/director/index.ts';
import type { CompositionLayer } from '../../shared/domain/compose/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import { parseManifestJson } from '../../shared/manifest/index.ts';

const examples = new URL('../../examples/', import.meta.url).pathname;
const account = 'powernode';
const seconds = 1_700_000_000;

const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

/**
 * What docs/reference/modules/artifact.md shows, by the names of its fenced blocks, and the module
 * tars by their digests: made from three examples by the product's code.
 */
export async function artifactExamples() {
  const out = mkdtempSync(join(tmpdir(), 'gantry-artifact-'));
  try {
    const parent = await buildExample('modules/chrony', out);
    const carver = await buildExample('patterns/chrony-no-pool', out);
    const instance = await buildExample('patterns/hostname-override', out);

    const layers = [
      layerOf(parent, 60),
      layerOf(carver, 92),
      { ...layerOf(instance, 94), variety: 'instance' as const },
    ];

    const { record, imageSha256, imageLength } = recordOf(layers);
    const metadata = makeDesiredState({
      custom: stateOf(record, instance),
      image: { length: imageLength, sha256: imageSha256 },
      version: 1,
      expires: new Date((seconds + 7 * 86_400) * 1000),
    });

    return {
      blocks: {
        members: carver.members,
        'manifest.json': carver.manifestJson,
        'composefs-digest': carver.digestFile,
        'oci-manifest': carver.oci,
        entries: carver.entries,
        composition: record,
        'desired-state': metadata.signed.toJSON(),
      },
      tars: new Map([parent, carver, instance].map(({ layer, bytes }) => [layer.digest, bytes])),
    };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

type Built = Awaited<ReturnType<typeof buildExample>>;

async function buildExample(example: string, out: string) {
  const directory = join(out, example);
  await buildModule({
    directory: join(examples, example),
    out: directory,
    dryRun: false,
    rootfsOnly: true,
    sourceDateEpoch: String(seconds),
  });

  const path = join(directory, 'module.tar');
  const bytes = readFileSync(path);
  const tar = await readModuleTar(createReadStream(path), { allowDevices: false });
  const layer = { digest: `sha256:${sha256(bytes)}`, size: bytes.length };
  const oci = artifactManifest(layer, 'module.tar', seconds);
  const member = (name: string) => execFileSync('tar', ['-xOf', path, name], { encoding: 'utf8' });

  return {
    name: example.split('/')[1] as string,
    layer,
    oci,
    digest: `sha256:${sha256(JSON.stringify(oci))}`,
    bytes,
    members: execFileSync('tar', ['-tf', path], { encoding: 'utf8' }),
    manifestJson: member('manifest.json'),
    digestFile: member('composefs-digest'),
    entries: tar.entries,
    composefs: `sha256:${tar.claimedComposefsDigest}`,
  };
}

function layerOf(built: Built, priority: number): CompositionLayer {
  const manifest = parseManifestJson(built.manifestJson);
  const config = manifest.parent_module !== undefined;

  return {
    account,
    module: built.name,
    version: '1.0.0',
    version_id: versionId(account, built.name, built.digest),
    digest: built.digest,
    manifest_digest: built.digest,
    layer_digest: built.layer.digest,
    layer_size: built.layer.size,
    composefs_digest: built.composefs,
    variety: config ? 'config' : 'subscription',
    parent_module: config ? `${account}/chrony` : null,
    priority,
    protected_spec: manifest.protected_spec,
    file_spec: manifest.file_spec,
    mask: manifest.mask,
    entries: built.entries,
  };
}

function recordOf(layers: CompositionLayer[]) {
  const composition = compose(layers);
  const { image, digest } = composefsImage(composition.entries);
  const composition_digest = `sha256:${digest}`;
  const imageSha256 = sha256(image);

  const record = {
    composition_digest,
    image: {
      key: `accounts/${account}/images/sha256/${digest}.erofs`,
      sha256: imageSha256,
      length: image.length,
    },
    layers: composition.layers.map((layer) =>
      desiredLayer(layer, composition.effective_masks.get(`${account}/${layer.module}`)),
    ),
    instance_files: composition.instance_files.map(({ module, entry }) => ({
      module,
      layer_digest:
        layers.find((layer) => module === `${account}/${layer.module}`)?.layer_digest ?? '',
      entry,
    })),
    metadata: { 'powernode/chrony': { purpose: 'edge-tokyo' } },
    report: composition.report,
    resolution: resolutionOf(layers),
    index_key: `accounts/${account}/compositions/sha256/${sha256(JSON.stringify(indexOf(composition)))}.index.json.gz`,
  };

  return { record, imageSha256, imageLength: image.length };
}

function resolutionOf(layers: CompositionLayer[]) {
  const nameOf = ({ module }: CompositionLayer) => `${account}/${module}`;
  return resolve({
    account,
    assigned: layers.map((layer) => ({ module: nameOf(layer), constraint: null })),
    available(name) {
      const layer = layers.find((one) => nameOf(one) === name);
      if (layer === undefined) return null;
      return [
        { id: layer.version_id, version_string: layer.version, standing: 'offered' as const },
      ];
    },
    requires: () => [],
  }).record;
}

function desiredLayer(layer: CompositionLayer, effective_mask: string[] = []): DesiredLayer {
  const { protected_spec: _, file_spec: __, mask: ___, entries: ____, ...rest } = layer;
  return { ...rest, effective_mask };
}

function stateOf(record: ReturnType<typeof recordOf>['record'], instance: Built): DesiredState {
  const metadata = { hostname: 'edge-7' };
  const contentOf = (_module: string, path: string) => {
    const { offset = 0, size } = instance.entries.find((entry) => entry.path === path) as TreeEntry;
    return instance.bytes.subarray(offset, offset + size);
  };

  return {
    account,
    instance: 'ins_01J9Z6W5T1K5R0Q2V9M3N8P7XA',
    template: 'tpl_01J9Z6W5T1K5R0Q2V9M3N8P7XA',
    track: 'live',
    composition_digest: record.composition_digest,
    layers: record.layers,
    signature_policies: record.layers.map(({ module }) => ({
      module: `${account}/${module}`,
      identities: [
        {
          identity_regexp: `^https://git\\.example\\.com/modules/${module}/\\.gitea/workflows/build\\.yaml@refs/tags/v.*$`,
          issuer_regexp: '^https://git\\.example\\.com$',
        },
      ],
      keys: [],
      require_tlog: true,
      trusted_root: null,
    })),
    rendered_files: renderInstanceFiles(record.instance_files, contentOf, metadata),
    metadata: { instance: metadata, modules: record.metadata },
    jobs: [],
    approvals: [
      {
        module: `${account}/my-redis`,
        version: '1.0.0',
        operation_id: 'op_01J9Z6W5T1K5R0Q2V9M3N8P7XA',
        action: 'module_promote_to_live',
        reviewer: 'rita@example.com',
        decided_at: '2023-11-14T22:00:00.000Z',
      },
    ],
  };
}
