import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import { layerPriority } from '../../composition/index.ts';
import type { Category, Module, Variety, Version } from '../../domain/modules/index.ts';
import { compareVersions, isKnownTo } from '../../domain/modules/index.ts';
import { commonAccount, splitModule } from '../../domain/templates/index.ts';
import {
  type Contender,
  canConflict,
  cutConflicts,
  findConflicts,
  inheritsSpec,
  type ManifestConflict,
  type ModuleManifest,
  withInheritedSpec,
} from '../../manifest/index.ts';
import { listCategories } from '../../store/accounts/index.ts';
import { allVersions, eachModule } from '../../store/modules/index.ts';
import type { Services } from '../context/index.ts';
import { readFileIndex } from '../files/index.ts';

/** A manifest that no version has yet. */
export interface Draft {
  manifest: ModuleManifest;
  /** The category of the module; the one of its registration if absent. */
  category_slug?: string;
  /** Paths of the files that it ships, if its author knows them. */
  files?: string[];
}

/**
 * Finds the conflicts of a manifest with the newest versions of its account's other modules that
 * are neither retired nor quarantined. `left` counts those past `limits.conflictsShownMax`. File
 * lists are read only if patterns could match the same path.
 */
export async function accountConflicts(
  services: Services,
  account: string,
  draft: Draft,
): Promise<{ conflicts: ManifestConflict[]; left: number }> {
  const [modules, categories] = await Promise.all([
    Array.fromAsync(eachModule(services.db, account)),
    listCategories(services.db, account),
  ]);

  const rank = rankModules(account, modules, categories);
  const draftContender = await inherited(
    services,
    account,
    contenderOf(account, draft, modules, rank),
  );
  const neighbours = modules.filter(({ name }) => name !== draft.manifest.name);
  const conflicts = await mapConcurrently(neighbours, limits.validateReadsAtOnce, (module) =>
    conflictsWith(services, draftContender, module, rank(module)),
  );

  return cutConflicts(conflicts.flat(), limits.conflictsShownMax);
}

type RankOf = (module: Pick<Module, 'category' | 'variety' | 'parent_module'>) => number | null;

/** The priorities of assignments that set none of their own. */
function rankModules(account: string, modules: Module[], categories: Category[]): RankOf {
  const positions = new Map(categories.map(({ slug, position }) => [slug, position]));
  const byName = new Map(modules.map((module) => [`${account}/${module.name}`, module]));

  const rank: RankOf = ({ category, variety, parent_module }) => {
    const categoryPosition = positions.get(category);
    if (categoryPosition === undefined) return null;

    const parent = parent_module === null ? undefined : byName.get(parent_module);
    const parentPriority = parent === undefined ? null : rank(parent);
    return layerPriority({ categoryPosition, variety, parentPriority, effectivePriority: null });
  };

  return rank;
}

function contenderOf(account: string, draft: Draft, modules: Module[], rank: RankOf): Contender {
  const { manifest, category_slug, files } = draft;
  const row = modules.find(({ name }) => name === manifest.name);
  const parent = row === undefined ? parentOf(account, manifest, modules) : row.parent_module;
  // A manifest does not say its variety. A module with a parent usually configures it.
  const variety: Variety = row?.variety ?? (parent === null ? 'subscription' : 'config');
  const category = category_slug ?? row?.category;

  return {
    module: `${account}/${manifest.name}`,
    parent,
    priority: category === undefined ? null : rank({ category, variety, parent_module: parent }),
    manifest,
    granted_reservations: row?.granted_reservations ?? [],
    shipped: files ?? null,
  };
}

/** A draft without `file_spec` ships what the newest version of its parent says. */
async function inherited(
  services: Services,
  account: string,
  draft: Contender,
): Promise<Contender> {
  if (draft.parent === null || !inheritsSpec(draft.manifest)) return draft;

  const { account: owner, name } = splitModule(draft.parent, account);
  const versions = await allVersions(services.db, owner, name);
  const parent = newest(versions.filter((version) => isKnownTo(account, version)));
  if (parent === undefined) return draft;

  return { ...draft, manifest: withInheritedSpec(draft.manifest, parent.manifest) };
}

/**
 * A bare name is the account's own module if there is one, else powernode's (product.md, section
 * 2).
 */
function parentOf(
  account: string,
  { parent_module: written }: ModuleManifest,
  modules: Module[],
): string | null {
  if (written === undefined || written.includes('/')) return written ?? null;
  return `${modules.some(({ name }) => name === written) ? account : commonAccount}/${written}`;
}

async function conflictsWith(
  services: Services,
  draft: Contender,
  module: Module,
  priority: number | null,
): Promise<ManifestConflict[]> {
  const version = newest(await allVersions(services.db, module.account, module.name));
  if (version === undefined) return [];

  const neighbour: Contender = {
    module: `${module.account}/${module.name}`,
    parent: module.parent_module,
    priority,
    manifest: version.manifest,
    granted_reservations: module.granted_reservations,
    shipped: null,
  };

  if (!canConflict(draft, neighbour)) return [];
  return findConflicts(draft, [{ ...neighbour, shipped: await shippedBy(services, version) }]);
}

function newest(versions: Version[]): Version | undefined {
  const usable = versions.filter(
    ({ promotion_state, quarantined, kind }) =>
      promotion_state !== 'retired' && !quarantined && kind !== 'platform',
  );
  return usable.sort(compareVersions).at(-1);
}

/** The files of all builds of a version, because the platform of a template is not known here. */
async function shippedBy({ objects }: Services, version: Version): Promise<string[]> {
  const files = new Set<string>();
  for (const { file_index_key } of version.builds) {
    for (const { path, type } of await readFileIndex(objects, file_index_key)) {
      if (type !== 'directory') files.add(path);
    }
  }

  return [...files];
}
