import { mapAtOnce } from '../at-once.ts';
import { compose, layerPriority, type Resolution, resolve } from '../composition/index.ts';
import type { Composition, CompositionLayer, LayerName, ResolutionRecord } from '../domain/composition.ts';
import type { Module } from '../domain/module.ts';
import type { Track } from '../domain/template.ts';
import type { TemplateView } from '../domain/template-view.ts';
import type { Version, VersionBuild } from '../domain/version.ts';
import { GantryError } from '../error.ts';
import { limits } from '../limits.ts';
import type { ModuleManifest } from '../manifest/index.ts';
import { readFileIndex } from '../store/file-index.ts';
import {
  type Choice,
  type Known,
  type KnownModules,
  providedBy,
  readModule,
  readModules,
  requirementsOf,
} from './known-modules.ts';
import type { Services } from './services.ts';

/** A view of a template as it is composed; nothing is stored. */
export interface ComposedView {
  composition: Composition;
  /** What the view alone tells, before the composition's own warnings. */
  warnings: string[];
  resolution: ResolutionRecord;
  /** `<account>/<name>` of every module that was looked at, chosen or not, existing or not; sorted. */
  considered: LayerName[];
}

/**
 * Composes a view for a track. `previous` is how its versions were found last time. Throws the coded errors of `resolve`
 * and `compose`, and `composition_platform_mismatch`; `composition_too_large` when its layers have more than `entriesMax`
 * entries, which are not read then. `note` is told the modules that were looked at, before anything is made of them; where
 * it answers true they are looked at once more.
 */
export async function composeView(
  services: Services,
  view: TemplateView,
  track: Track,
  previous: ResolutionRecord | null,
  { entriesMax, note }: { entriesMax: number; note?: (modules: readonly LayerName[]) => Promise<boolean> },
): Promise<ComposedView> {
  let modules = await readModules(services, view, track, previous);
  while (await note?.([...modules.known.keys()])) modules = await readModules(services, view, track, previous);
  const { resolved, warnings } = resolveView(view, modules, track, previous);
  const entries = entriesOf(view, modules.known, resolved.modules);
  if (entries > entriesMax) {
    throw new GantryError(
      'composition_too_large',
      `expected at most ${entriesMax} entries in all layers, found ${entries}`,
      {
        expected: entriesMax,
        found: entries,
      },
    );
  }
  const layers = await mapAtOnce(resolved.modules, limits.storeReadsAtOnce, (one) =>
    layerOf(services, view, modules.known, one),
  );
  const composition = compose(layers.filter((layer) => layer !== null));
  return { composition, warnings, resolution: resolved.record, considered: [...modules.known.keys()].sort() };
}

function resolveView(
  view: TemplateView,
  { known, providers }: KnownModules,
  track: Track,
  previous: ResolutionRecord | null,
): { resolved: Resolution<Choice>; warnings: string[] } {
  const warnings: string[] = [];
  // A module that has no version for the track yet is simply not there yet; what it is assigned for comes with a promotion.
  const assigned = view.assignments.filter(({ module }) => {
    if (known.get(module)?.choices.some(({ standing }) => standing !== 'withheld')) return true;
    warnings.push(`${module} has no version for track ${track} yet and is left out`);
    return false;
  });
  const resolved = resolve<Choice>({
    account: view.template.account,
    assigned,
    available: (module) => known.get(module)?.choices ?? null,
    requires: (choice) => requirementsOf(choice.of),
    provides: (choice) => providedBy(choice.of),
    providers: (capability, account) => providers.get(`${account}/${capability}`) ?? [],
    previous,
  });
  return { resolved, warnings };
}

function entriesOf(
  view: TemplateView,
  known: ReadonlyMap<LayerName, Known | null>,
  modules: readonly { module: LayerName; choice: Choice }[],
): number {
  return modules.reduce((sum, { module, choice }) => {
    const one = known.get(module);
    return one == null ? sum : sum + buildFor(one.module, choice.of, view.template.platform).entries;
  }, 0);
}

async function layerOf(
  services: Services,
  view: TemplateView,
  known: ReadonlyMap<LayerName, Known | null>,
  { module, choice }: { module: LayerName; choice: Choice },
): Promise<CompositionLayer | null> {
  const one = known.get(module);
  if (one === null || one === undefined) return null;
  const assignment = view.assignments.find((row) => row.module === module);
  const build = buildFor(one.module, choice.of, view.template.platform);
  return {
    ...layerFacts(one.module, choice.of, build),
    priority: layerPriority({
      categoryPosition: one.categoryPosition,
      variety: one.module.variety,
      parentPriority: await parentPriority(services, view, known, one.module),
      effectivePriority: assignment?.effective_priority ?? null,
    }),
    entries: await readFileIndex(services.objects, build.file_index_key),
  };
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
    package_spec: manifest.package_spec,
    ...(module.granted_reservations.length > 0 ? { granted_reservations: module.granted_reservations } : {}),
  };
}

/** The priority that a config layer's parent has in this template. */
async function parentPriority(
  services: Services,
  view: TemplateView,
  known: ReadonlyMap<LayerName, Known | null>,
  { parent_module }: Module,
): Promise<number | null> {
  if (parent_module === null) return null;
  const parent = known.get(parent_module) ?? (await readModule(services, view, parent_module));
  if (parent === null) return null;
  const assignment = view.assignments.find((row) => row.module === parent_module);
  return layerPriority({
    categoryPosition: parent.categoryPosition,
    variety: parent.module.variety,
    parentPriority: null,
    effectivePriority: assignment?.effective_priority ?? null,
  });
}
