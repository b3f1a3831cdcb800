import { mapConcurrently } from '../../base/concurrency.ts';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { compose, layerPriority, refuseSharedPorts } from '../../composition/index.ts';
import type {
  Composition,
  CompositionLayer,
  DependencyMove,
  LayerName,
  Privilege,
  ResolutionRecord,
  TemplateView,
} from '../../domain/compose/index.ts';
import {
  listEffects,
  type Module,
  servedPlatforms,
  servingPlatform,
  type Version,
  type VersionBuild,
} from '../../domain/modules/index.ts';
import { commonAccount } from '../../domain/templates/index.ts';
import { carveOuts } from '../../manifest/index.ts';
import { listPrivileges, type MachineManifest, unitLayers } from '../../units/index.ts';
import type { Services } from '../context/index.ts';
import { layerEntries } from '../files/index.ts';
import { generateRoot } from './generate-root.ts';
import { type Choice, type Known, providedBy, readModule } from './known-modules.ts';
import { refuseBeyond } from './refuse-beyond.ts';
import { type ResolveOptions, resolveView } from './resolve-view.ts';

/** A view of a template as it is composed; nothing is stored. */
export interface ComposedView {
  composition: Composition;
  /** Warnings about the view; those of the composition are in its report. */
  warnings: string[];
  resolution: ResolutionRecord;
  /**
   * `<account>/<name>` of every module that was considered, chosen or not, existing or not; sorted.
   */
  considered: LayerName[];
  /** The versions of other accounts that nobody let through for the track yet. */
  moves: DependencyMove[];
  /** What its modules need besides their files. */
  privileges: Privilege[];
}

interface ComposeOptions extends ResolveOptions {
  entriesMax: number;
}

/**
 * Composes a view for a track. Throws the coded errors of `resolve`, `refuseSharedPorts` and
 * `compose`, `composition_kind_mismatch` and `composition_platform_mismatch`. Throws
 * `composition_too_large` if the layers have more than `entriesMax` entries (before reading them)
 * or the rendered files have more than `limits.renderedBytesMax`.
 */
export async function composeView(
  services: Services,
  view: TemplateView,
  { entriesMax, ...options }: ComposeOptions,
): Promise<ComposedView> {
  const { modules, resolved, resolution, moves, warnings } = await resolveView(
    services,
    view,
    options,
  );

  refuseSharedPorts(
    resolved.modules.map(({ choice, ...one }) => ({
      ...one,
      version: choice.version_string,
      provides: providedBy(choice.of),
    })),
  );
  refuseBeyond(
    'entries in all layers',
    entriesMax,
    entriesOf(view, modules.known, resolved.modules),
  );

  const layers = await mapConcurrently(resolved.modules, limits.storeReadsAtOnce, (one) =>
    layerOf(services, view, modules.known, one),
  );

  warnings.push(...warnOfRights(view, modules.known, resolved.modules));
  const merged = compose(layers.filter((layer) => layer !== null));
  const rendered = merged.instance_files.reduce((sum, { entry }) => sum + entry.size, 0);

  refuseBeyond(
    'bytes of files that are rendered for each machine',
    limits.renderedBytesMax,
    rendered,
  );

  const { account } = view.template;
  const unitsOf = unitLayers(merged, manifestsOf(merged));

  return {
    composition: await generateRoot(services, merged, { account, layers: unitsOf }),
    warnings,
    resolution,
    considered: [...modules.known.keys()].sort(),
    moves,
    privileges: listPrivileges(unitsOf),
  };
}

function manifestsOf({ layers }: Composition): Map<LayerName, MachineManifest> {
  return new Map(
    layers.flatMap(({ account, module, manifest }) =>
      manifest === undefined ? [] : [[`${account}/${module}`, manifest]],
    ),
  );
}

function entriesOf(
  view: TemplateView,
  known: ReadonlyMap<LayerName, Known | null>,
  modules: readonly { module: LayerName; choice: Choice }[],
): number {
  return modules.reduce((sum, { module, choice }) => {
    const one = known.get(module);
    return one == null
      ? sum
      : sum + buildFor(one.module, choice.of, view.template.platform).entries;
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

  const build = buildFor(one.module, choice.of, view.template.platform);
  return {
    ...layerFacts(limitRights(view, one.module), choice.of, build),
    priority: await priorityOf(services, view, known, one),
    entries: await layerEntries(services, build),
  };
}

/**
 * A module with the rights that it has in this template. Only operators of the template's account
 * or of `powernode` may take protection from other modules, or reserve paths that are not shipped.
 * For a module of any other account
 *
 * - reservations do not count: its account can grant them at any time, whatever version the
 *   template is pinned to;
 * - carve-outs from a third account's module count only where the config module is assigned:
 *   otherwise a required module could require another one that lifts the protection of every
 *   module in the template.
 */
function limitRights(view: TemplateView, module: Module): Module {
  if (isTrusted(view, module.account)) return module;
  const mayCarve =
    isAssigned(view, module) || module.parent_module?.startsWith(`${module.account}/`) === true;

  return {
    ...module,
    granted_reservations: [],
    parent_module: mayCarve ? module.parent_module : null,
  };
}

function isTrusted(view: TemplateView, account: string): boolean {
  return account === view.template.account || account === commonAccount;
}

function isAssigned(view: TemplateView, { account, name }: Module): boolean {
  return view.assignments.some(({ module }) => module === `${account}/${name}`);
}

/** Warns of the carve-outs that `limitRights` disregards. */
function warnOfRights(
  view: TemplateView,
  known: ReadonlyMap<LayerName, Known | null>,
  modules: readonly { module: LayerName; choice: Choice }[],
): string[] {
  return modules.flatMap(({ module: name, choice }) => {
    const row = known.get(name)?.module;
    if (row === undefined) return [];

    const parent = limitRights(view, row).parent_module;
    const carved = row.parent_module === parent ? [] : carveOuts(choice.of.manifest);
    if (carved.length === 0) return [];

    return [
      `${name} is not assigned, so what it carves out of ${row.parent_module} stays protected`,
    ];
  });
}

function buildFor(module: Module, version: Version, platform: string): VersionBuild {
  if (version.kind === 'platform') {
    const message = `expected a module of files, found that ${module.account}/${module.name} ${version.version_string} is a platform module, which runs as a function and on no machine`;
    throw new GantryError('composition_kind_mismatch', message, {
      expected: 'node',
      found: 'platform',
    });
  }

  const built = version.builds.map((one) => one.platform);
  const platforms = { registered: module.platforms, built };
  const serving = servingPlatform(platforms, platform);
  const build = version.builds.find((one) => one.platform === serving);
  if (build !== undefined) return build;

  const found = servedPlatforms(platforms);
  throw new GantryError(
    'composition_platform_mismatch',
    `expected a build of ${module.account}/${module.name} ${version.version_string} for ${platform}, found ` +
      `only ${found.join(', ') || 'none for the platforms of its registration'}`,
    { expected: platform, found },
  );
}

function layerFacts(
  module: Module,
  version: Version,
  build: VersionBuild,
): Omit<CompositionLayer, 'priority' | 'entries'> {
  const { manifest } = version;
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
    effects: listEffects(manifest),
    manifest,
    ...(module.granted_reservations.length > 0
      ? { granted_reservations: module.granted_reservations }
      : {}),
  };
}

/**
 * The priority that a module's layer has in this template, or would have. The priority of a config
 * layer depends on its parent's, which may be a config layer itself. The recursion ends, because a
 * parent is registered before its children.
 */
async function priorityOf(
  services: Services,
  view: TemplateView,
  known: ReadonlyMap<LayerName, Known | null>,
  { module, categoryPosition }: Known,
): Promise<number> {
  const { account, name, variety, parent_module } = module;
  const assignment = view.assignments.find((row) => row.module === `${account}/${name}`);
  const parent =
    variety !== 'config' || parent_module === null
      ? null
      : (known.get(parent_module) ?? (await readModule(services, view, parent_module)));

  return layerPriority({
    categoryPosition,
    variety,
    parentPriority: parent === null ? null : await priorityOf(services, view, known, parent),
    effectivePriority: assignment?.effective_priority ?? null,
  });
}
