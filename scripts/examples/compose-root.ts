import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { layOutTree } from '../../agent/apply/lay-out-tree.ts';
import { generateFromStore } from '../../agent/verify/composition.ts';
import { expectedTree } from '../../agent/verify/expected-tree.ts';
import { Store } from '../../agent/verify/store.ts';
import { inlineBytesMax, readModuleTar, verifyModuleTar } from '../../shared/artifact/index.ts';
import { compose, layerPriority, withGenerated } from '../../shared/composition/index.ts';
import type { Composition, CompositionLayer } from '../../shared/domain/compose/index.ts';
import { seededCategories } from '../../shared/domain/modules/index.ts';
import { parseManifestJson } from '../../shared/manifest/index.ts';
import type { GeneratedLayer } from '../../shared/units/index.ts';

/** Reads a module's tar as the agent does: the content of its files goes into the store. */
export async function readLayer(
  tar: string,
  layerDigest: string,
  store: Store,
): Promise<CompositionLayer> {
  const content = await readModuleTar(createReadStream(tar), {
    allowDevices: false,
    onFile: ({ size }) => (size > inlineBytesMax ? store.openSink() : undefined),
  });

  const manifest = parseManifestJson(content.manifestJson);
  const digest = `sha256:${verifyModuleTar(content).digest}`;
  return {
    account: 'powernode',
    module: manifest.name,
    version: '1.0.0',
    version_id: manifest.name,
    digest,
    manifest_digest: digest,
    layer_digest: layerDigest,
    layer_size: content.size,
    composefs_digest: digest,
    variety: 'subscription',
    parent_module: null,
    priority: layerPriority({
      categoryPosition: positionOf(manifest.category),
      variety: 'subscription',
      parentPriority: null,
      effectivePriority: null,
    }),
    protected_spec: manifest.protected_spec,
    file_spec: manifest.file_spec,
    mask: manifest.mask,
    package_spec: manifest.package_spec,
    manifest,
    entries: content.entries.map(({ offset: _, ...entry }) => entry),
  };
}

function positionOf(category: string | undefined): number {
  const seeded = seededCategories.find(({ slug }) => slug === category);
  if (seeded !== undefined) return seeded.position;
  throw new Error(`expected one of the seeded categories, found ${category}`);
}

/** A composition with the bytes of the files that are made from the manifests. */
export interface ComposedRoot {
  composition: Composition;
  generated: GeneratedLayer;
}

/** Composes the layers as the agent does, and requires that nothing is dropped or warned of. */
export async function composeRoot(
  layers: readonly CompositionLayer[],
  store: Store,
): Promise<ComposedRoot> {
  const merged = compose(layers);
  const machine = { account: 'powernode', rendered_files: [] };
  const generated = await generateFromStore(merged, machine, store);
  const composition = withGenerated(merged, generated);
  const { dropped, warnings } = composition.report;
  if (dropped.length + warnings.length === 0) return { composition, generated };

  const found = [...dropped.map(({ path, from }) => `${path} of ${from}`), ...warnings];
  throw new Error(`expected nothing dropped or warned of, found ${JSON.stringify(found)}`);
}

/**
 * Lays the root out as the agent's copy does. That leaves out extended attributes, of which these
 * modules have those of /var/log/journal.
 */
export async function layOutRoot(
  { composition: { entries, owners }, generated: { contents } }: ComposedRoot,
  store: Store,
  into: string,
): Promise<void> {
  const tree = expectedTree({
    entries,
    owners,
    generated: contents,
    rendered: [],
    metadata: {},
    writablePaths: [],
  });
  await layOutTree({ ...tree, store, into });
}

export async function openStore(work: string): Promise<Store> {
  const store = new Store(join(work, 'store'));
  await store.prepare();
  return store;
}
