import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { GantryError, isGantryError } from '../shared/base/error.ts';
import { composefsImage } from '../shared/composefs/index.ts';
import { compose, renderInstanceFiles } from '../shared/composition/index.ts';
import type { DesiredLayer } from '../shared/contract/reconcile/index.ts';
import type { VerifiedDesiredState } from '../shared/director/index.ts';
import type { Composition, CompositionLayer } from '../shared/domain/compose/index.ts';
import type { TreeEntry } from '../shared/domain/files/index.ts';
import type { Metadata } from '../shared/domain/templates/index.ts';
import { type ChainContext, checkChain } from './chain.ts';
import { type ExpectedTree, expectedTree, requireTree } from './expected-tree.ts';
import { isStored, type LayerContext, verifiedLayer } from './layer.ts';
import type { Store } from './store.ts';

/** A desired state with everything behind it verified on this machine: ready to be laid out, or to judge what is. */
export interface Plan {
  desired: VerifiedDesiredState;
  tree: ExpectedTree;
  /** The composition image, recomputed here, and its digest as the desired state states it. */
  image: Uint8Array;
}

export type PlanContext = Omit<ChainContext, 'state'> & LayerContext & { writablePaths: string[] };

/**
 * Verifies all that a desired state names: the authors' signatures, the layers' bytes, and the composition recomputed from
 * what the layers really hold. Whatever does not match fails and is never applied.
 */
export async function makePlan(desired: VerifiedDesiredState, context: PlanContext): Promise<Plan> {
  const { state } = desired;
  for (const layer of state.layers) await checkChain(layer, { ...context, state });
  try {
    return await planOf(desired, context);
  } catch (error) {
    // What a layer's manifest says is kept beside its entries and covered by no digest of the desired state but this one:
    // so before the state is blamed, everything is fetched anew.
    if (
      !isGantryError(error, 'composition_mismatch', 'ModuleManifestSchemaError', 'layer_mismatch')
    )
      throw error;
    let kept = false;
    for (const layer of state.layers) {
      if ((await context.store.readLayer(layer.layer_digest)) === undefined) continue;
      kept = true;
      await context.store.removeLayer(layer.layer_digest);
    }
    if (!kept) throw error;
    const plan = await planOf(desired, context);
    context.findings.push({
      code: 'store_tampered',
      message: `What the store says of a layer is not as it was verified (${error.message}); fetched again.`,
    });
    return plan;
  }
}

async function planOf(desired: VerifiedDesiredState, context: PlanContext): Promise<Plan> {
  const { state } = desired;
  const layers: CompositionLayer[] = [];
  for (const layer of state.layers)
    layers.push({ ...layer, ...(await verifiedLayer(layer, context)) });
  const composition = recomposed(layers, state.layers);
  const { image, digest } = composefsImage(composition.entries);
  requireImage(desired, image, `sha256:${digest}`);
  await requireRendered(desired, composition, layers, context.store);
  const tree = expectedTree({
    entries: composition.entries,
    owners: composition.owners,
    rendered: state.rendered_files,
    metadata: state.metadata,
    writablePaths: context.writablePaths,
  });
  requireTree(tree.entries);
  return { desired, tree, image };
}

function recomposed(layers: CompositionLayer[], stated: DesiredLayer[]): Composition {
  let composition: Composition;
  try {
    composition = compose(layers);
  } catch (cause) {
    if (!isGantryError(cause)) throw cause;
    throw mismatch(`its layers do not compose: ${cause.message}`, { cause });
  }
  const found = composition.layers.map(nameOf);
  const expected = stated.map(nameOf);
  if (!isDeepStrictEqual(found, expected)) {
    throw mismatch(
      `its layers are ordered ${expected.join(', ')}; their priorities give ${found.join(', ')}`,
      {
        expected,
        found,
      },
    );
  }
  for (const layer of stated) {
    const mask = composition.effective_masks.get(nameOf(layer)) ?? [];
    if (isDeepStrictEqual(mask, layer.effective_mask)) continue;
    const differing =
      mask.find((path) => !layer.effective_mask.includes(path)) ??
      layer.effective_mask.find((path) => !mask.includes(path));
    throw mismatch(
      `the effective mask of ${nameOf(layer)} has ${layer.effective_mask.length} paths, recomputed ${mask.length}; ${JSON.stringify(differing ?? 'the order')} differs`,
      { expected: layer.effective_mask.slice(0, 20), found: mask.slice(0, 20) },
    );
  }
  return composition;
}

function requireImage(
  { state, image: stated }: VerifiedDesiredState,
  image: Uint8Array,
  digest: string,
): void {
  if (digest !== state.composition_digest) {
    throw mismatch(
      `the layers give ${digest}, the desired state says ${state.composition_digest}`,
      {
        expected: state.composition_digest,
        found: digest,
      },
    );
  }
  const sha256 = createHash('sha256').update(image).digest('hex');
  if (image.length !== stated.length || sha256 !== stated.sha256) {
    throw mismatch(
      `the image has ${image.length} bytes with SHA-256 ${sha256}, the desired state says ${stated.length} bytes with ${stated.sha256}`,
      { expected: stated.sha256, found: sha256 },
    );
  }
}

/** Renders the instance files here as well: the signed state may say nothing that no author's module says. */
async function requireRendered(
  { state }: VerifiedDesiredState,
  composition: Composition,
  layers: CompositionLayer[],
  store: Store,
): Promise<void> {
  const bytes = new Map<string, Uint8Array>();
  for (const { module, entry } of composition.instance_files)
    bytes.set(`${module}:${entry.path}`, await contentOf(entry, store));
  const expected = renderInstanceFiles(
    composition.instance_files,
    (module, path) => bytes.get(`${module}:${path}`) as Uint8Array,
    // `metadata` is `{instance, modules}`: the machine's own and that of each assignment.
    (state.metadata.instance ?? {}) as Metadata,
  );
  const found = state.rendered_files;
  const wrong =
    expected.find((file, index) => !isDeepStrictEqual(file, found[index])) ??
    found[expected.length];
  if (wrong === undefined) return;
  throw mismatch(
    `the rendered file ${JSON.stringify(wrong.path)} of ${wrong.module} is not what its module gives with this machine's metadata`,
    { field: wrong.path, details: layers.map(nameOf) },
  );
}

async function contentOf(entry: TreeEntry, store: Store): Promise<Uint8Array> {
  if (isStored(entry)) return await readFile(store.objectPath(entry.verity as string));
  return Buffer.from(entry.content ?? '', 'base64');
}

function nameOf({ account, module }: { account: string; module: string }): string {
  return `${account}/${module}`;
}

function mismatch(
  why: string,
  context: {
    expected?: unknown;
    found?: unknown;
    field?: string;
    details?: unknown;
    cause?: unknown;
  },
) {
  return new GantryError(
    'composition_mismatch',
    `The composition is not what the desired state says: ${why}.`,
    context,
  );
}
