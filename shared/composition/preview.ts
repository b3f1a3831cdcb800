import type {
  ChangedEffect,
  ChangedService,
  CompositionIndex,
  Decided,
  FactName,
  IndexedLayer,
  IndexedService,
  LayerName,
  ModuleFacts,
  PackageUse,
  PathFacts,
  PathOwner,
  Preview,
} from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import { compareEffects } from '../domain/modules/index.ts';
import { readFacts } from './composition-index.ts';
import { type ListBounds, truncateList } from './truncate.ts';

/**
 * The changes on machines when a template's composition is replaced by another. `before` is null if
 * there is none yet. Changed times are not listed, because a new build of a module may change them
 * all. `listMax` and `listBytesMax` (of JSON) limit each list of files; `counts` always covers
 * everything.
 */
export function previewComposition(
  before: CompositionIndex | null,
  after: CompositionIndex,
  bounds: ListBounds = {},
): Preview {
  const from = before ?? emptyIndex;
  const modules = changedModules(from.layers, after.layers);
  const packages = changedPackages(from.layers, after.layers);
  const effects = changedEffects(from.layers, after.layers);
  const services = changedServices(from.services ?? [], after.services ?? []);
  const { added, removed, changed, times } = changedPaths(from, after);

  const dropped = describeFacts(from, after, 'dropped', (path, a, b) => ({
    path,
    from: a,
    because_of: b,
  }));

  const shadowed = describeFacts(from, after, 'shadowed', (path, a, b) => ({
    path,
    from: a,
    by: b,
  }));

  const carved_out = describeFacts(from, after, 'carved_out', (path, a, b) => ({
    path,
    from: a,
    by: b,
  }));

  const cut = <T>(list: T[]) => truncateList(list, bounds);
  const cutBoth = <T>({ now, no_longer }: Decided<T>) => ({
    now: cut(now),
    no_longer: cut(no_longer),
  });
  const lengths = <T>({ now, no_longer }: Decided<T>) => now.length + no_longer.length;

  return {
    modules,
    packages: { added: cut(packages.added), removed: cut(packages.removed) },
    effects: cut(effects),
    services: cut(services),
    added: cut(added),
    removed: cut(removed),
    changed: cut(changed),
    dropped: cutBoth(dropped),
    shadowed: cutBoth(shadowed),
    carved_out: cutBoth(carved_out),
    counts: {
      modules: modules.length,
      packages_added: packages.added.length,
      packages_removed: packages.removed.length,
      effects: effects.length,
      services: services.length,
      added: added.length,
      removed: removed.length,
      changed: changed.length,
      dropped: lengths(dropped),
      shadowed: lengths(shadowed),
      carved_out: lengths(carved_out),
      times,
    },
  };
}

/** The index of an empty composition, without even a root. */
export const emptyIndex: CompositionIndex = {
  format: 1,
  layers: [],
  paths: [],
  owner: [],
  facts: [],
  content: [],
  mtime: [],
  fact_table: [],
  dropped: [],
  shadowed: [],
  carved_out: [],
  protected: [],
  reserved: [],
};

function changedModules(
  before: readonly IndexedLayer[],
  after: readonly IndexedLayer[],
): Preview['modules'] {
  const old = new Map(before.map((layer) => [layer.name, moduleFacts(layer)]));
  const fresh = new Map(after.map((layer) => [layer.name, moduleFacts(layer)]));

  return [...new Set([...old.keys(), ...fresh.keys()])]
    .sort(compareBytes)
    .map((module) => ({
      module,
      before: old.get(module) ?? null,
      after: fresh.get(module) ?? null,
    }))
    .filter((one) => JSON.stringify(one.before) !== JSON.stringify(one.after));
}

function moduleFacts({ version, version_id, layer_digest, priority }: IndexedLayer): ModuleFacts {
  return { version, version_id, layer_digest, priority };
}

function changedPackages(
  before: readonly IndexedLayer[],
  after: readonly IndexedLayer[],
): Preview['packages'] {
  const old = packagesOf(before);
  const fresh = packagesOf(after);
  const beyond = (uses: PackageUse[], others: PackageUse[]) => {
    const there = new Set(others.map((one) => one.package));
    return uses.filter((one) => !there.has(one.package));
  };

  return { added: beyond(fresh, old), removed: beyond(old, fresh) };
}

function packagesOf(layers: readonly IndexedLayer[]): PackageUse[] {
  const uses = new Map<string, Set<LayerName>>();
  for (const { name, packages } of layers)
    for (const one of packages) uses.set(one, (uses.get(one) ?? new Set()).add(name));
  return [...uses]
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([name, modules]) => ({ package: name, modules: [...modules].sort(compareBytes) }));
}

function changedEffects(
  before: readonly IndexedLayer[],
  after: readonly IndexedLayer[],
): ChangedEffect[] {
  const old = new Map(before.map(({ name, effects }) => [name, effects ?? []]));
  const fresh = new Map(after.map(({ name, effects }) => [name, effects ?? []]));

  return [...new Set([...old.keys(), ...fresh.keys()])].sort(compareBytes).flatMap((module) =>
    compareEffects(old.get(module) ?? [], fresh.get(module) ?? []).map((one) => ({
      module,
      ...one,
    })),
  );
}

function changedServices(
  before: readonly IndexedService[],
  after: readonly IndexedService[],
): ChangedService[] {
  const old = new Map(before.map((one) => [one.unit, one]));
  const fresh = new Map(after.map((one) => [one.unit, one]));

  return [...new Set([...old.keys(), ...fresh.keys()])].sort(compareBytes).flatMap((unit) => {
    const [was, now] = [old.get(unit), fresh.get(unit)];
    const one = now ?? was;
    if (one === undefined || was?.digest === now?.digest) return [];

    const what = was === undefined ? 'added' : now === undefined ? 'removed' : 'changed';
    const { account, module, reboot_required } = one;
    return [{ unit, module: `${account}/${module}`, what, reboot_required }];
  });
}

type Changes = Pick<Preview, 'added' | 'removed' | 'changed'> & { times: number };

/** Steps through both sorted lists of paths together. */
function changedPaths(before: CompositionIndex, after: CompositionIndex): Changes {
  const out: Changes = { added: [], removed: [], changed: [], times: 0 };
  let i = 0;
  let j = 0;

  while (i < before.paths.length || j < after.paths.length) {
    const [old, fresh] = [before.paths[i], after.paths[j]];
    const order = compareEnds(old, fresh);

    if (order < 0) remove(out, old as string, readFacts(before, i++));
    else if (order > 0) add(out, fresh as string, readFacts(after, j++));
    else compare(out, old as string, readFacts(before, i++), readFacts(after, j++));
  }

  return out;
}

/** The order of two paths; the end of a list comes after every path. */
function compareEnds(old: string | undefined, fresh: string | undefined): number {
  if (old === undefined) return 1;
  return fresh === undefined ? -1 : compareBytes(old, fresh);
}

function remove(out: Changes, path: string, { type, by }: Owned): void {
  if (by !== null) out.removed.push({ path, type, from: by });
}

function add(out: Changes, path: string, { type, by }: Owned): void {
  if (by !== null) out.added.push({ path, type, by });
}

type Owned = PathFacts & { by: LayerName | null };

function compare(out: Changes, path: string, a: Owned, b: Owned): void {
  const what = differences(a, b);
  if (what.length > 0) out.changed.push({ path, what, before: ownerOf(a), after: ownerOf(b) });
  else if (a.mtime !== b.mtime) out.times++;
}

function differences(a: Owned, b: Owned): FactName[] {
  const differs: [FactName, boolean][] = [
    ['type', a.type !== b.type],
    ['content', a.content !== b.content && a.type === b.type],
    ['mode', a.mode !== b.mode],
    ['owner', a.uid !== b.uid || a.gid !== b.gid],
    ['xattrs', a.xattrs !== b.xattrs],
    ['rendered', a.rendered !== b.rendered],
    // A new owner of a directory does not matter while its attributes stay the same.
    ['module', a.by !== b.by && b.type !== 'directory'],
  ];
  return differs.flatMap(([name, isSo]) => (isSo ? [name] : []));
}

/** The facts that a preview shows. */
export function ownerOf({ by, type, mode, uid, gid }: PathOwner): PathOwner {
  return { by, type, mode, uid, gid };
}

function describeFacts<T>(
  before: CompositionIndex,
  after: CompositionIndex,
  list: 'dropped' | 'shadowed' | 'carved_out',
  make: (path: string, a: LayerName, b: LayerName) => T,
): Decided<T> {
  const reported = (index: CompositionIndex): [string, T][] => {
    const name = (number: number) => index.layers[number]?.name ?? '';
    return index[list].map(([path, a, b]) => [
      [path, name(a), name(b)].join('\0'),
      make(path, name(a), name(b)),
    ]);
  };

  const old = reported(before);
  const fresh = reported(after);
  const oldKeys = new Set(old.map(([key]) => key));
  const freshKeys = new Set(fresh.map(([key]) => key));

  return {
    now: fresh.flatMap(([key, one]) => (oldKeys.has(key) ? [] : [one])),
    no_longer: old.flatMap(([key, one]) => (freshKeys.has(key) ? [] : [one])),
  };
}
