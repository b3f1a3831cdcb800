import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { CompositionLayer, LayerName, ProtectedPath } from '../domain/compose/index.ts';
import { compareBytes, parentPath, type TreeEntry } from '../domain/files/index.ts';
import { compileGlob, type Glob, GlobMatcher, globsAbove, literalPath } from '../files/index.ts';
import { overlapWarnings } from './overlap.ts';
import { layerName } from './priority.ts';

/**
 * The effect of a layer's protection on one path. `file`: no other layer ships anything here.
 * `directory`: this stays a directory with the owner's attributes. `ancestor`: this stays a
 * directory, because a protected path is below it.
 */
type ClaimKind = 'file' | 'directory' | 'ancestor';

interface PathClaim {
  /** Index of the claiming layer in composition order. */
  by: number;
  kind: ClaimKind;
  entry: TreeEntry | null;
}

/**
 * The protection by all layers of a composition. Layers are named by their index in composition
 * order.
 */
export interface Protection {
  /**
   * Returns the layer whose protection drops this file (anything but a directory) of `layer`, or
   * the highest of several.
   */
  dropperOf(layer: number, path: string): number | null;
  /** Returns another layer that reserves a file at this path, where `layer` has a directory. */
  fileReserverOf(layer: number, path: string): number | null;
  /** Whether `layer` may set the attributes of this directory. */
  mayShape(layer: number, path: string): boolean;
  /** Returns the parent whose protection of this file is lifted for `layer`, if any. */
  carvedFrom(layer: number, path: string): number | null;
  /** The protected paths without mere ancestors, sorted by path, then by rank. */
  paths(): ProtectedPath[];
  /** Warnings about patterns with an unexpected effect. */
  warnings: string[];
}

/**
 * Computes what each layer of a composition protects. A layer protects the paths that it ships and
 * its `protected_spec` matches, and each of their ancestors as a directory. A pattern that an
 * operator granted also protects every other path that it matches (a reservation), and each of
 * their ancestors as a directory: other layers may have directories there, but no files. A granted
 * path without wildcards is reserved for a file until its layer ships a directory there.
 * @throws GantryError `composition_protected_conflict` when two layers claim or reserve one path in
 * incompatible ways and no carve-out settles it
 */
export function computeProtection(layers: readonly CompositionLayer[]): Protection {
  const claims = new Map<string, PathClaim[]>();
  const warnings: string[] = [];

  layers.forEach((layer, index) => {
    warnings.push(...claimOwnPaths(layer, index, claims));
  });

  const carver = findCarveOuts(layers);
  const reservers = reservations(layers);

  refuseConflicts(layers, claims, carver, reservers);
  const name = (index: number) => layerName(layers[index] as CompositionLayer);

  return {
    dropperOf(layer, path) {
      const drops = (by: number) => by !== layer && !carver(layer, by, path);
      // Claims are in composition order, so the last one belongs to the highest layer.
      const claimed = claims.get(path)?.findLast(({ by }) => drops(by))?.by ?? -1;
      const reserved =
        reservers.findLast((one) => drops(one.by) && isReserved(one, path))?.by ?? -1;

      return claimed === -1 && reserved === -1 ? null : Math.max(claimed, reserved);
    },
    fileReserverOf(layer, path) {
      return reservers.find(({ by, files }) => by !== layer && files.has(path))?.by ?? null;
    },
    mayShape(layer, path) {
      const shaping = claims.get(path)?.filter((claim) => claim.kind === 'directory') ?? [];
      return shaping.length === 0 || shaping.some((claim) => claim.by === layer);
    },
    carvedFrom(layer, path) {
      const claimed = claims.get(path)?.find((claim) => carver(layer, claim.by, path));
      if (claimed !== undefined) return claimed.by;

      return (
        reservers.find((one) => carver(layer, one.by, path) && isReserved(one, path))?.by ?? null
      );
    },
    paths: () =>
      [...claims.keys()].sort(compareBytes).flatMap((path) => {
        const all = (claims.get(path) ?? []).filter(({ kind }) => kind !== 'ancestor');
        return all.map(({ by }) => ({ path, by: name(by) }));
      }),
    warnings: [...warnings, ...overlapWarnings(layers)],
  };
}

/** A layer's granted patterns. */
interface Reserver {
  by: number;
  /** Matches what is reserved, and what must be a directory above it. */
  matcher: GlobMatcher;
  /** Paths reserved for a file: patterns for one path that the layer does not ship itself. */
  files: Set<string>;
}

function reservations(layers: readonly CompositionLayer[]): Reserver[] {
  return layers.flatMap(({ granted_reservations = [], protected_spec, entries }, by) => {
    const granted = granted_reservations.filter((pattern) => protected_spec.includes(pattern));
    if (granted.length === 0) return [];

    const globs = granted.map(compileGlob);
    const files = new Set(globs.flatMap((glob) => literalPath(glob) ?? []));
    for (const { path } of entries) files.delete(path);

    return [{ by, matcher: new GlobMatcher([...globs, ...globs.flatMap(globsAbove)]), files }];
  });
}

/** Whether a reservation keeps other layers' files away from a path. */
function isReserved({ matcher }: Reserver, path: string): boolean {
  return matcher.matches(path, false);
}

/** Adds a layer's claims to `claims`. @returns warnings about its patterns for the author */
function claimOwnPaths(
  layer: CompositionLayer,
  index: number,
  claims: Map<string, PathClaim[]>,
): string[] {
  const granted = new Set(layer.granted_reservations);
  const warnings = [...granted]
    .filter((pattern) => !layer.protected_spec.includes(pattern))
    .map(
      (pattern) =>
        `reservation ${JSON.stringify(pattern)} is granted to ${layerName(layer)}, but ${layer.version} does not ask for it`,
    );

  if (layer.protected_spec.length === 0) return warnings;

  const { own, matched } = matchOwnPaths(layer, index);
  claimAncestors(own, index);

  for (const [path, claim] of own) {
    const all = claims.get(path);
    if (all === undefined) claims.set(path, [claim]);
    else all.push(claim);
  }

  return [...warnings, ...idlePatternWarnings(layer, granted, matched)];
}

/** The globs that matched a layer's files, and those that matched its directories. */
interface MatchedGlobs {
  files: Set<readonly Glob[]>;
  directories: Set<readonly Glob[]>;
}

/** The paths of a layer that its own `protected_spec` matches. */
function matchOwnPaths(
  layer: CompositionLayer,
  index: number,
): { own: Map<string, PathClaim>; matched: MatchedGlobs } {
  const matcher = new GlobMatcher(layer.protected_spec.map(compileGlob));
  const own = new Map<string, PathClaim>();
  const matched: MatchedGlobs = { files: new Set(), directories: new Set() };

  for (const entry of layer.entries) {
    const isDirectory = entry.type === 'directory';
    const globs = matcher.matching(entry.path, isDirectory);
    if (globs.length === 0) continue;

    matched[isDirectory ? 'directories' : 'files'].add(globs);
    own.set(entry.path, { by: index, kind: isDirectory ? 'directory' : 'file', entry });
  }

  return { own, matched };
}

/** Adds a claim for each ancestor directory of a claimed path. */
function claimAncestors(own: Map<string, PathClaim>, index: number): void {
  for (const path of [...own.keys()]) {
    for (let above = path; above !== '/'; ) {
      above = parentPath(above);
      if (own.has(above)) break;
      own.set(above, { by: index, kind: 'ancestor', entry: null });
    }
  }
}

/** Returns warnings about patterns that protect no file. */
function idlePatternWarnings(
  layer: CompositionLayer,
  granted: ReadonlySet<string>,
  matched: MatchedGlobs,
): string[] {
  const sources = (found: ReadonlySet<readonly Glob[]>) =>
    new Set([...found].flat().map(({ source }) => source));
  const [onFiles, onDirectories] = [sources(matched.files), sources(matched.directories)];
  const idle = layer.protected_spec.filter(
    (source) => !onFiles.has(source) && !granted.has(source),
  );

  const warnings = idle.slice(0, limits.conflictsShownMax).map((source) => {
    const what = `protected_spec ${JSON.stringify(source)} of ${layerName(layer)} ${layer.version}`;
    return onDirectories.has(source)
      ? `${what} protects directories only, not the files in them: end it with /*** to protect those too`
      : `${what} matches nothing that the module ships, so it protects nothing`;
  });

  const more = idle.length - limits.conflictsShownMax;
  return more > 0
    ? [...warnings, `${more} more patterns of ${layerName(layer)} protect no files`]
    : warnings;
}

/** Whether `layer` carves its file at `path` out of the protection of layer `from`. */
type Carver = (layer: number, from: number, path: string) => boolean;

/**
 * Returns the carve-outs of a layer. A carve-out is an entry that occurs verbatim in both
 * `file_spec` and `mask` of a `config` layer. It lifts the parent's protection for that layer's
 * files that the entry matches (product.md, section 3).
 */
function findCarveOuts(layers: readonly CompositionLayer[]): Carver {
  const names = layers.map(layerName);
  const matchers = layers.map((layer) => {
    if (layer.variety !== 'config' || layer.parent_module === null) return null;
    const masked = new Set(layer.mask);
    const entries = layer.file_spec.filter((entry) => masked.has(entry));
    return entries.length === 0 ? null : new GlobMatcher(entries.map(compileGlob));
  });

  return (layer, from, path) => {
    const matcher = matchers[layer];
    if (matcher === null || matcher === undefined || layers[layer]?.parent_module !== names[from])
      return false;
    return matcher.matches(path, false);
  };
}

interface ProtectedConflict {
  path: string;
  modules: [LayerName, LayerName];
}

function refuseConflicts(
  layers: readonly CompositionLayer[],
  claims: Map<string, PathClaim[]>,
  carver: Carver,
  reservers: readonly Reserver[],
): void {
  const conflicts: ProtectedConflict[] = [];
  const note = (path: string, pair: [number, number]) => {
    const [a, b] = pair
      .sort((x, y) => x - y)
      .map((by) => layerName(layers[by] as CompositionLayer));
    conflicts.push({ path, modules: [a as LayerName, b as LayerName] });
  };

  for (const [path, all] of claims) {
    // A carve-out covers a file: it never lets a directory replace what the parent protects.
    const carved = (a: PathClaim, b: PathClaim) => a.kind === 'file' && carver(a.by, b.by, path);
    const pair =
      all.length < 2 ? null : findFirstClash(all, (a, b) => carved(a, b) || carved(b, a));
    if (pair !== null) {
      note(path, [pair[0].by, pair[1].by]);
      continue;
    }

    const reserved = reservationClash(path, all, reservers, carver);
    if (reserved !== null) note(path, reserved);
  }

  for (const [path, by, other] of findDoubleReservations(reservers, carver)) {
    if (!conflicts.some((one) => one.path === path)) note(path, [by, other]);
  }

  conflicts.sort((a, b) => compareBytes(a.path, b.path));
  const [first] = conflicts;
  if (first === undefined) return;

  const more = conflicts.length === 1 ? '' : ` (and ${conflicts.length - 1} more such paths)`;
  throw new GantryError(
    'composition_protected_conflict',
    `expected one module to protect ${JSON.stringify(first.path)}, found that both ${first.modules[0]} and ` +
      `${first.modules[1]} do${more}. Rename one's file, or carve it out in a config module of the other`,
    { found: first.path, details: conflicts.slice(0, limits.conflictsShownMax) },
  );
}

/** Finds a protected file of one layer at a path reserved for another, so that both protect it. */
function reservationClash(
  path: string,
  all: readonly PathClaim[],
  reservers: readonly Reserver[],
  carver: Carver,
): [number, number] | null {
  for (const reserver of reservers) {
    const { by } = reserver;
    // A layer that ships the path itself has claimed it, and its claim is already checked.
    if (all.some((one) => one.by === by)) continue;
    const claim = all.find((one) => one.kind === 'file' && !carver(one.by, by, path));
    if (claim !== undefined && isReserved(reserver, path)) return [by, claim.by];
  }
  return null;
}

/**
 * Finds paths that are reserved for a file of one layer, and for another layer by name, by
 * pattern or as a directory above. Their owner would be unclear.
 */
function findDoubleReservations(
  reservers: readonly Reserver[],
  carver: Carver,
): [path: string, by: number, other: number][] {
  return reservers.flatMap(({ by, files }) =>
    [...files].flatMap((path): [string, number, number][] => {
      const other = reservers.find(
        (one) =>
          one.by !== by &&
          isReserved(one, path) &&
          !carver(by, one.by, path) &&
          !carver(one.by, by, path),
      );
      return other === undefined ? [] : [[path, by, other.by]];
    }),
  );
}

function findFirstClash(
  all: PathClaim[],
  settled: (a: PathClaim, b: PathClaim) => boolean,
): [PathClaim, PathClaim] | null {
  // Ancestors never clash with each other, and `/` is an ancestor for every protecting layer. So
  // their pairs need no check.
  if (all.every((claim) => claim.kind === 'ancestor')) return null;
  for (const [i, a] of all.entries()) {
    for (const b of all.slice(i + 1)) if (!canBothHold(a, b) && !settled(a, b)) return [a, b];
  }
  return null;
}

function canBothHold(a: PathClaim, b: PathClaim): boolean {
  if (a.kind === 'file' || b.kind === 'file') return false;
  // An ancestor has no entry, and its attributes merge.
  if (a.entry === null || b.entry === null) return true;
  return hasSameAttributes(a.entry, b.entry);
}

/**
 * Compares without times: they differ between two builds of the same directory, and protection of a
 * directory is not about its time.
 */
function hasSameAttributes(a: TreeEntry, b: TreeEntry): boolean {
  if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid) return false;

  const ours = Object.entries(a.xattrs ?? {});
  const theirs = b.xattrs ?? {};
  return (
    ours.length === Object.keys(theirs).length &&
    ours.every(([name, value]) => theirs[name] === value)
  );
}
