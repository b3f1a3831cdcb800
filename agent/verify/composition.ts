import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { type ErrorContext, GantryError, isGantryError } from '../../shared/base/error.ts';
import { composefsImage } from '../../shared/composefs/index.ts';
import { compose, renderInstanceFiles, withGenerated } from '../../shared/composition/index.ts';
import type { DesiredLayer, DesiredState } from '../../shared/contract/reconcile/index.ts';
import type { VerifiedDesiredState } from '../../shared/director/index.ts';
import type { Composition, CompositionLayer } from '../../shared/domain/compose/index.ts';
import type { TreeEntry } from '../../shared/domain/files/index.ts';
import type { Metadata } from '../../shared/domain/templates/index.ts';
import {
  type GeneratedLayer,
  generateLayer,
  listNeededFiles,
  type UnitInput,
  unitLayers,
} from '../../shared/units/index.ts';
import { isStored, type Store } from './store.ts';

export interface VerifiedComposition {
  composition: Composition;
  /** The topmost layer, which is made from the manifests of all modules. */
  generated: GeneratedLayer;
  image: Uint8Array;
}

/**
 * Composes the layers again, with the generated layer on top, and compares the result with the
 * desired state: order, effective masks, image and rendered files.
 *
 * @throws `composition_mismatch`
 */
export async function verifyComposition(
  desired: VerifiedDesiredState,
  layers: CompositionLayer[],
  store: Store,
): Promise<VerifiedComposition> {
  const merged = await recompose(layers, desired.state.layers);
  const generated = await orMismatch('its layers do not go together', () =>
    generateFromStore(merged, desired.state, store),
  );
  const composition = withGenerated(merged, generated);

  const { image, digest } = composefsImage(composition.entries);
  checkImage(desired, image, `sha256:${digest}`);

  await checkRenderedFiles(desired, composition, store);
  return { composition, generated, image };
}

/**
 * Makes the generated layer of a composition whose files are in the store.
 * @throws the codes of `generateLayer`
 */
export async function generateFromStore(
  merged: Composition,
  { account, rendered_files }: Pick<DesiredState, 'account' | 'rendered_files'>,
  store: Store,
): Promise<GeneratedLayer> {
  const manifests = new Map(
    merged.layers.flatMap((layer) =>
      layer.manifest === undefined ? [] : [[layerName(layer), layer.manifest] as const],
    ),
  );
  const layers = unitLayers(merged, manifests);
  const input: UnitInput = { account, layers, entries: merged.entries, rendered_files };

  const needed = new Set(listNeededFiles(input));
  const contents = new Map<string, Uint8Array>();
  for (const entry of merged.entries) {
    if (needed.has(entry.path)) contents.set(entry.path, await readContent(entry, store));
  }

  return generateLayer(input, (path) => contents.get(path) ?? new Uint8Array());
}

async function recompose(layers: CompositionLayer[], stated: DesiredLayer[]): Promise<Composition> {
  const composition = await orMismatch('its layers do not compose', () => compose(layers));

  const found = composition.layers.map(layerName);
  const expected = stated.map(layerName);

  if (!isDeepStrictEqual(found, expected)) {
    throw mismatchError(
      `its layers are ordered ${expected.join(', ')}, but their priorities give ${found.join(', ')}`,
      { expected, found },
    );
  }

  for (const layer of stated) checkMask(layer, composition);
  return composition;
}

async function orMismatch<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!isGantryError(cause)) throw cause;
    throw mismatchError(`${what}: ${cause.message}`, { cause });
  }
}

function checkMask(layer: DesiredLayer, composition: Composition): void {
  const expected = layer.effective_mask;
  const found = composition.effective_masks.get(layerName(layer)) ?? [];
  if (isDeepStrictEqual(found, expected)) return;

  const differing =
    found.find((path) => !expected.includes(path)) ??
    expected.find((path) => !found.includes(path)) ??
    'the order';

  throw mismatchError(
    `the effective mask of ${layerName(layer)} differs in ${JSON.stringify(differing)}: expected ${expected.length} paths, found ${found.length}`,
    { expected: expected.slice(0, 20), found: found.slice(0, 20) },
  );
}

function checkImage(
  { state, image: stated }: VerifiedDesiredState,
  image: Uint8Array,
  digest: string,
): void {
  if (digest !== state.composition_digest) {
    throw mismatchError(
      `expected the composition digest ${state.composition_digest}, found ${digest} by its layers`,
      { expected: state.composition_digest, found: digest },
    );
  }

  const sha256 = createHash('sha256').update(image).digest('hex');
  if (image.length !== stated.length || sha256 !== stated.sha256) {
    throw mismatchError(
      `expected an image of ${stated.length} bytes with SHA-256 ${stated.sha256}, found ${image.length} bytes with ${sha256}`,
      { expected: stated.sha256, found: sha256 },
    );
  }
}

/** Renders the instance files again. Each file of the signed state must come from a module. */
async function checkRenderedFiles(
  { state }: VerifiedDesiredState,
  composition: Composition,
  store: Store,
): Promise<void> {
  const contents = new Map<string, Uint8Array>();
  for (const { module, entry } of composition.instance_files) {
    contents.set(`${module}:${entry.path}`, await readContent(entry, store));
  }

  const expected = renderInstanceFiles(
    composition.instance_files,
    (module, path) => contents.get(`${module}:${path}`) as Uint8Array,
    // `metadata` is `{instance, modules}`: the metadata of the machine, and that of each
    // assignment.
    (state.metadata.instance ?? {}) as Metadata,
  );

  const found = state.rendered_files;
  const wrong =
    expected.find((file, index) => !isDeepStrictEqual(file, found[index])) ??
    found[expected.length];
  if (wrong === undefined) return;

  throw mismatchError(
    `the rendered file ${JSON.stringify(wrong.path)} of ${wrong.module} is not what its module gives with this machine's metadata`,
    { field: wrong.path, details: composition.layers.map(layerName) },
  );
}

async function readContent(entry: TreeEntry, store: Store): Promise<Uint8Array> {
  if (isStored(entry)) return readFile(store.objectPath(entry.verity as string));
  return Buffer.from(entry.content ?? '', 'base64');
}

function layerName({ account, module }: { account: string; module: string }): string {
  return `${account}/${module}`;
}

function mismatchError(why: string, context: ErrorContext): GantryError {
  return new GantryError(
    'composition_mismatch',
    `The composition is not what the desired state says: ${why}.`,
    context,
  );
}
