import { isGantryError } from '../../shared/base/error.ts';
import { generatedOwner } from '../../shared/composition/index.ts';
import type { DesiredLayer } from '../../shared/contract/reconcile/index.ts';
import { refuseNewerFormat, type VerifiedDesiredState } from '../../shared/director/index.ts';
import type {
  Composition,
  CompositionLayer,
  GeneratedService,
} from '../../shared/domain/compose/index.ts';
import type { GeneratedProbe } from '../../shared/units/index.ts';
import type { Agent } from '../agent.ts';
import { addSpace, requireSpace, spaceOf } from '../disk-space.ts';
import { checkAuthorSignatures } from './author-signatures.ts';
import { verifyComposition } from './composition.ts';
import { type ExpectedTree, expectedTree, kernelMountPoints } from './expected-tree.ts';
import { fetchLayer, type MissingLayer, planMissingLayer } from './fetch-layer.ts';
import { storeGenerated } from './generated-objects.ts';
import { describeLayer, readStoredLayer } from './layer.ts';
import { machineFilesOf } from './machine-files.ts';
import type { Remark } from './remark.ts';
import type { LayerRecord } from './store.ts';

/**
 * A desired state with everything that it names verified on this machine: ready to be laid out or
 * to be compared with.
 */
export interface VerifiedContent {
  desired: VerifiedDesiredState;
  tree: ExpectedTree;
  /** The composition image, computed here. */
  image: Uint8Array;
  /** What the machine starts, in that order. */
  services: readonly GeneratedService[];
  /** Commands that the shells of the machine must find at a path. */
  probes: readonly GeneratedProbe[];
}

/**
 * Verifies everything that a desired state names: the authors' signatures, the bytes of the layers,
 * and the composition, computed again from what the layers hold. What the store lacks is fetched.
 *
 * @throws `agent_too_old`, `signature_refused`, `layer_mismatch`, `composition_mismatch`,
 * `desired_state_invalid`, `unavailable`
 */
export async function verifyContent(
  desired: VerifiedDesiredState,
  agent: Agent,
  remarks: Remark[],
): Promise<VerifiedContent> {
  const { state } = desired;
  refuseNewerFormat(state);
  agent.source.expect(
    state.layers.filter((layer) => !agent.store.hasLayer(layer.layer_digest)).flatMap(namesOf),
  );
  for (const layer of state.layers) await checkAuthorSignatures(layer, state, agent);

  try {
    return await verifyLayers(desired, agent, remarks);
  } catch (error) {
    if (!mayComeFromStore(error) || !(await forgetLayers(desired, agent))) throw error;

    const content = await verifyLayers(desired, agent, remarks);
    remarks.push({
      code: 'store_tampered',
      message: `The store's record of a layer is not as it was verified (${error.message}); fetched again.`,
    });

    return content;
  }
}

async function verifyLayers(
  desired: VerifiedDesiredState,
  agent: Agent,
  remarks: Remark[],
): Promise<VerifiedContent> {
  const { state } = desired;
  const records = new Map<DesiredLayer, LayerRecord>();

  for (const layer of state.layers) {
    const stored = await readStoredLayer(layer, agent, remarks);
    if (stored !== undefined) records.set(layer, stored);
  }

  const missing = state.layers.filter((layer) => !records.has(layer));
  for await (const [layer, record] of fetchLayers(missing, agent)) records.set(layer, record);

  const layers = state.layers.map(
    (layer): CompositionLayer => ({
      ...layer,
      ...describeLayer(layer, records.get(layer) as LayerRecord),
    }),
  );

  const { composition, generated, image } = await verifyComposition(desired, layers, agent.store);

  await storeGenerated(generated, state, agent);

  const tree = expectedTree({
    entries: composition.entries,
    owners: shippedOwners(composition),
    generated: generated.contents,
    rendered: state.rendered_files,
    metadata: state.metadata,
    writablePaths: agent.config.writable_paths,
    mountPoints: agent.config.way === 'directory' ? [] : kernelMountPoints,
    machineFiles: machineFilesOf(agent.config),
  });

  const { services, probes } = generated;
  return { desired, tree, image, services, probes };
}

/** Generated files have no owner: a fault in one is not of a module. */
function shippedOwners({ owners }: Composition): Map<string, string> {
  return new Map([...owners].filter(([, owner]) => owner !== generatedOwner));
}

/** Everything that is fetched of a layer, so that one call brings all addresses. */
function namesOf({ digest, manifest_digest, layer_digest }: DesiredLayer): string[] {
  return [
    digest,
    manifest_digest,
    layer_digest,
    `file-index:${layer_digest}`,
    `stored-signatures:${digest}`,
  ];
}

/**
 * Plans all layers, requires that the disk has room for what they bring, and then fetches one after
 * the other.
 */
async function* fetchLayers(
  layers: DesiredLayer[],
  agent: Agent,
): AsyncGenerator<[DesiredLayer, LayerRecord]> {
  const coming = new Set<string>();
  const plans: MissingLayer[] = [];
  for (const layer of layers) plans.push(await planMissingLayer(layer, agent, coming));

  const need = plans.map(({ space }) => space).reduce(addSpace, spaceOf([]));
  await requireSpace(agent.paths.store, need, 'The content of the desired state');

  for (let next = plans.shift(); next !== undefined; next = plans.shift()) {
    yield [next.layer, await fetchLayer(next, agent)];
  }
}

/**
 * Only the composition covers the manifest in a layer's record. So a damaged record can look like a
 * wrong desired state, and everything is fetched again before the desired state is blamed.
 */
function mayComeFromStore(error: unknown): error is Error {
  return isGantryError(
    error,
    'composition_mismatch',
    'ModuleManifestSchemaError',
    'layer_mismatch',
  );
}

/** Removes the records of all layers, and returns whether there were any. */
async function forgetLayers({ state }: VerifiedDesiredState, { store }: Agent): Promise<boolean> {
  let found = false;
  for (const layer of state.layers) {
    if ((await store.readLayer(layer.layer_digest)) === undefined) continue;
    found = true;
    await store.removeLayer(layer.layer_digest);
  }

  return found;
}
