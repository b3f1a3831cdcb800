import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual, promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { SendTaskFailureCommand, SendTaskSuccessCommand } from '@aws-sdk/client-sfn';
import { composefsImage } from '../composefs/index.ts';
import { compose, layerPriority, resolveVersions, type VersionChoice, versionChoices } from '../composition/index.ts';
import type { DesiredLayer } from '../contract/desired-state.ts';
import { sha256Hex } from '../contract/ids.ts';
import type { ComposeMessage } from '../contract/messages.ts';
import type { CompositionLayer, CompositionReport, LayerName } from '../domain/composition.ts';
import type { Module } from '../domain/module.ts';
import { splitModule, type Track } from '../domain/template.ts';
import { inView, type TemplateView, withChange } from '../domain/template-view.ts';
import type { TreeEntry } from '../domain/tree.ts';
import type { Version, VersionBuild } from '../domain/version.ts';
import { GantryError, isGantryError } from '../error.ts';
import { limits } from '../limits.ts';
import { type ModuleManifest, parseRequirement } from '../manifest/index.ts';
import { getCategory } from '../store/account.ts';
import { transact } from '../store/db.ts';
import { createEvent } from '../store/event.ts';
import { instancesOf } from '../store/instance.ts';
import { getModule } from '../store/module.ts';
import { getBytes, objectKeys, putOnce } from '../store/objects.ts';
import { getOperation } from '../store/operation.ts';
import { getComposition, getTemplate, listAssignments, putComposition } from '../store/template.ts';
import { readVersions } from '../store/version.ts';
import { enqueue, nowIso, type Services } from './services.ts';

/** What a composition is and how it came to be: stored under the SHA-256 of its JSON. */
export interface CompositionRecord {
  /** `sha256:<hex>`: fs-verity digest of the image. */
  composition_digest: string;
  image: { key: string; sha256: string; length: number };
  /** Lowest priority first, as they stand in desired states. */
  layers: DesiredLayer[];
  instance_files: { module: LayerName; layer_digest: string; entry: TreeEntry }[];
  /** Assignment metadata by module. */
  metadata: Record<LayerName, Record<string, unknown>>;
  report: CompositionReport;
}

/** Everything about one module that a composition may need. */
interface Known {
  module: Module;
  versions: Version[];
  categoryPosition: number;
}

type Choice = VersionChoice & { of: Version };

/**
 * Composes a template for a track. With an operation: as it would be, and the waiting state machine hears whether it
 * can be. Without: as it is, the result becomes the template's composition, and its instances are reconciled.
 */
export async function composeTemplate(services: Services, message: ComposeMessage): Promise<void> {
  const { task_token } = message;
  if (task_token === undefined) return publish(services, message);
  try {
    await makeComposition(services, message);
    await answer(services, new SendTaskSuccessCommand({ taskToken: task_token, output: '{}' }));
  } catch (error) {
    if (!(error instanceof GantryError)) throw error;
    const cause = `template ${message.template_id} (${message.track}): ${error.message}`;
    await answer(services, new SendTaskFailureCommand({ taskToken: task_token, error: error.code, cause }));
  }
}

/** A task that has ended meanwhile (timed out, answered by an earlier delivery) needs no answer any more. */
async function answer(services: Services, command: SendTaskSuccessCommand | SendTaskFailureCommand): Promise<void> {
  try {
    await services.aws.sfn.send(command as SendTaskSuccessCommand);
  } catch (error) {
    if (!['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'].includes((error as { name?: string }).name ?? ''))
      throw error;
  }
}

async function publish(services: Services, message: ComposeMessage): Promise<void> {
  const { account, template_id, track } = message;
  for (let attempt = 1; ; attempt++) {
    try {
      if (!(await putMade(services, message))) return;
      break;
    } catch (error) {
      // Another compose was faster, but may have read what was there before this message: look again.
      if (!isGantryError(error, 'conflict') || attempt === limits.conflictAttemptsMax) throw error;
      await sleep(Math.random() * 100 * attempt);
    }
  }
  const instances = (await instancesOf(services.db, account, template_id)).filter((row) => row.track === track);
  await enqueue(
    services,
    'reconcile',
    instances.map(({ id }) => ({ account, instance_id: id })),
  );
}

/** Composes, and puts the result in place. False when the template is gone. */
async function putMade(services: Services, message: ComposeMessage): Promise<boolean> {
  const { account, template_id, track } = message;
  // Read before anything that the composition is made of: see putComposition.
  const before = await getComposition(services.db, account, template_id, track);
  const made = await makeComposition(services, message);
  if (made === null) return false;
  const { record, report_key, revision, made_at, modules } = made;
  const same =
    before?.report_key === report_key && before.revision === revision && isDeepStrictEqual(before.modules, modules);
  // Put in place all the same: a slower compose that began before and read what is true no more must find it replaced.
  await transact(services.db, [
    putComposition({
      account,
      template_id,
      track,
      digest: record.composition_digest,
      report_key,
      image_key: record.image.key,
      image_sha256: record.image.sha256,
      image_size: record.image.length,
      modules,
      revision,
      sequence: (before?.sequence ?? 0) + 1,
      made_at,
    }),
    ...(same
      ? []
      : [
          createEvent({
            type: 'gantry.composition.made',
            account,
            subject: `template/${template_id}`,
            actor: 'gantry:compose',
            at: made_at,
            data: { track, digest: record.composition_digest, layers: record.layers.length },
          }),
        ]),
  ]);
  return true;
}

/** Composes and stores image and record, both named by content. Null when the template is gone. */
async function makeComposition(services: Services, message: ComposeMessage) {
  const { account, template_id, track, operation_id } = message;
  const made_at = nowIso(services);
  const view = await readView(services, account, template_id, operation_id);
  if (view === null) return null;
  const known = await readModules(services, view, track);
  const { layers, warnings } = await resolveLayers(services, view, known, track);
  const composition = compose(layers);
  const { image, digest } = composefsImage(composition.entries);
  const composition_digest = `sha256:${digest}`;
  const image_key = objectKeys.image(account, composition_digest);
  await putOnce(services.objects, image_key, image, 'application/octet-stream');
  const layerOf = new Map(layers.map((layer) => [`${layer.account}/${layer.module}`, layer]));
  const record: CompositionRecord = {
    composition_digest,
    image: { key: image_key, sha256: sha256Hex(image), length: image.length },
    layers: composition.layers.map((layer) => desiredLayerOf(layer, composition.effective_masks)),
    instance_files: composition.instance_files.map(({ module, entry }) => ({
      module,
      layer_digest: layerOf.get(module)?.layer_digest ?? '',
      entry,
    })),
    metadata: Object.fromEntries(view.assignments.map(({ module, metadata }) => [module, metadata])),
    report: { ...composition.report, warnings: [...warnings, ...composition.report.warnings] },
  };
  const text = JSON.stringify(record);
  const report_key = objectKeys.composition(account, `sha256:${sha256Hex(text)}`);
  await putOnce(services.objects, report_key, text, 'application/json');
  return { record, report_key, revision: view.template.revision, made_at, modules: [...known.keys()].sort() };
}

function desiredLayerOf(layer: CompositionLayer, masks: ReadonlyMap<LayerName, string[]>): DesiredLayer {
  const { protected_spec: _, file_spec: __, mask: ___, entries: ____, ...rest } = layer;
  return { ...rest, effective_mask: masks.get(`${layer.account}/${layer.module}`) ?? [] };
}

async function readView(
  services: Services,
  account: string,
  template_id: string,
  operation_id: string | undefined,
): Promise<TemplateView | null> {
  const template = await getTemplate(services.db, account, template_id);
  if (template === null) return null;
  const assignments = await listAssignments(services.db, account, template_id);
  const view: TemplateView = { template, assignments, states: new Map() };
  if (operation_id === undefined) return view;
  const operation = await getOperation(services.db, account, operation_id);
  if (operation === null) return view;
  const { change } = operation;
  const module = change.kind === 'promote_version' ? await getModule(services.db, account, change.module) : null;
  return withChange(view, change, operation.created_at, module?.live_version_id ?? null);
}

/** Reads every module that the assignments can lead to, through what any eligible version requires. */
async function readModules(
  services: Services,
  view: TemplateView,
  track: Track,
): Promise<Map<LayerName, Known | null>> {
  const known = new Map<LayerName, Known | null>();
  const queue = view.assignments.map(({ module }) => module);
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (known.has(name)) continue;
    const one = await readModule(services, view, name);
    known.set(name, one);
    for (const { of: version } of versionChoices(one?.versions ?? [], track)) {
      for (const { module } of requirementsOf(version)) {
        const { account } = splitModule(name, view.template.account);
        queue.push(...(module.includes('/') ? [module] : [`${account}/${module}`, `powernode/${module}`]));
      }
    }
  }
  return known;
}

async function readModule(services: Services, view: TemplateView, reference: LayerName): Promise<Known | null> {
  const own = view.template.account;
  const { account, name } = splitModule(reference, own);
  const module = await getModule(services.db, account, name);
  if (module === null || (account !== own && module.visibility !== 'public')) return null;
  const category = await getCategory(services.db, account, module.category);
  if (category === null)
    throw new GantryError('category_unknown', `category "${module.category}" of ${reference} is gone`);
  const versions = (await readVersions(services.db, account, name))
    .map((version) => inView(view, version))
    // Of other accounts' modules only what they blessed concerns anybody else (product.md, section 1).
    .filter(({ promotion_state }) => account === own || promotion_state !== 'staging');
  return { module, versions, categoryPosition: category.position };
}

function requirementsOf(version: Version): { module: string; constraint: string }[] {
  const { dependencies } = version.manifest as ModuleManifest;
  return dependencies.requires.map((text) => {
    const { account, module, constraint } = parseRequirement(text);
    return { module: account === null ? module : `${account}/${module}`, constraint };
  });
}

async function resolveLayers(
  services: Services,
  view: TemplateView,
  known: ReadonlyMap<LayerName, Known | null>,
  track: Track,
): Promise<{ layers: CompositionLayer[]; warnings: string[] }> {
  const choices = new Map<LayerName, Choice[] | null>();
  for (const [name, one] of known) choices.set(name, one === null ? null : versionChoices(one.versions, track));
  const warnings: string[] = [];
  // A module that has no version for the track yet is simply not there yet; what it is assigned for comes with a promotion.
  const assigned = view.assignments.filter(({ module }) => {
    if (choices.get(module)?.some(({ standing }) => standing !== 'withheld')) return true;
    warnings.push(`${module} has no version for track ${track} yet and is left out`);
    return false;
  });
  const resolved = resolveVersions<Choice>({
    account: view.template.account,
    assigned,
    available: (module) => choices.get(module) ?? null,
    requires: (choice) => requirementsOf(choice.of),
  });
  const layers: CompositionLayer[] = [];
  for (const { module, choice } of resolved) {
    const one = known.get(module);
    if (one === null || one === undefined) continue;
    const assignment = view.assignments.find((row) => row.module === module);
    const build = buildFor(one.module, choice.of, view.template.platform);
    layers.push({
      ...layerFacts(one.module, choice.of, build),
      priority: layerPriority({
        categoryPosition: one.categoryPosition,
        variety: one.module.variety,
        parentPriority: await parentPriority(services, view, one.module),
        effectivePriority: assignment?.effective_priority ?? null,
      }),
      entries: await readFileIndex(services, build.file_index_key),
    });
  }
  return { layers, warnings };
}

function buildFor(module: Module, version: Version, platform: string): VersionBuild {
  const build = version.builds.find((one) => one.platform === platform || one.platform === 'any');
  if (build !== undefined) return build;
  const found = version.builds.map((one) => one.platform);
  throw new GantryError(
    'composition_platform_mismatch',
    `${module.account}/${module.name} ${version.version_string} has no build for ${platform}, only for ${found.join(', ')}`,
    { expected: platform, found },
  );
}

function layerFacts(
  module: Module,
  version: Version,
  build: VersionBuild,
): Omit<CompositionLayer, 'priority' | 'entries'> {
  const manifest = version.manifest as ModuleManifest;
  return {
    account: module.account,
    module: module.name,
    version: version.version_string,
    version_id: version.id,
    digest: version.digest,
    manifest_digest: build.manifest_digest,
    layer_digest: build.layer_digest,
    layer_size: build.layer_size,
    composefs_digest: build.composefs_digest,
    variety: module.variety,
    parent_module: module.parent_module,
    protected_spec: manifest.protected_spec,
    file_spec: manifest.file_spec,
    mask: manifest.mask,
  };
}

/** The priority that a config layer's parent has in this template. */
async function parentPriority(services: Services, view: TemplateView, module: Module): Promise<number | null> {
  if (module.parent_module === null) return null;
  const parent = await readModule(services, view, module.parent_module);
  if (parent === null) return null;
  const assignment = view.assignments.find((row) => row.module === module.parent_module);
  return layerPriority({
    categoryPosition: parent.categoryPosition,
    variety: parent.module.variety,
    parentPriority: null,
    effectivePriority: assignment?.effective_priority ?? null,
  });
}

async function readFileIndex(services: Services, key: string): Promise<TreeEntry[]> {
  const bytes = await promisify(gunzip)(await getBytes(services.objects, key));
  // Written by ingest from an archive that it checked; nothing else may write below this prefix.
  const entries: TreeEntry[] = JSON.parse(bytes.toString('utf8'));
  return entries;
}
