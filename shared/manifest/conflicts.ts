import { isGantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { ancestorPaths, compareBytes } from '../domain/files/index.ts';
import {
  compileGlob,
  type Glob,
  GlobMatcher,
  intersects,
  literalPath,
  selectFiles,
} from '../files/index.ts';
import { buildMask, carveOuts } from './row.ts';
import type { ModuleManifest } from './schema.ts';

/** A module as far as its conflicts with others go. */
export interface Contender {
  /** `<account>/<name>` */
  module: string;
  /** `<account>/<name>`, null for a module without a parent. */
  parent: string | null;
  /** Of its layer (product.md, section 7); null where its category is not known. */
  priority: number | null;
  manifest: ModuleManifest;
  /** Patterns that an operator granted it; those count that its `protected_spec` has. */
  granted_reservations: readonly string[];
  /** Paths of all files (not directories) that it ships; null where only its patterns are known. */
  shipped: readonly string[] | null;
}

export type ConflictKind = 'both_protect' | 'would_be_dropped' | 'would_drop';

export interface ManifestConflict {
  kind: ConflictKind;
  /** The other module, `<account>/<name>`. */
  module: string;
  /** A path; a pattern of the other module where neither's files are known. */
  path: string;
  /** Whether both are known to ship the path. Else the patterns allow it, and the files decide. */
  certain: boolean;
  message: string;
}

/**
 * What would happen between a module and its neighbours if they were composed (product.md, section 2): both protect a
 * path, which composition refuses; a neighbour's protection would drop the candidate's file; the candidate's would drop
 * a neighbour's. Protection acts whichever of two layers ranks higher, so priorities are told, and decide nothing.
 * Carve-outs between a config module and its parent are no conflicts. Sorted by path; the input's order never matters.
 */
export function conflictsOf(
  candidate: Contender,
  neighbours: Iterable<Contender>,
): ManifestConflict[] {
  const conflicts: ManifestConflict[] = [];
  const own = new Side(candidate);
  for (const neighbour of neighbours) {
    if (neighbour.module === candidate.module) continue;
    const found =
      neighbour.shipped === null ? betweenPatterns(own, neighbour) : againstFiles(own, neighbour);
    conflicts.push(...found);
  }
  return conflicts.sort(compareConflicts);
}

/** The order in which conflicts are told: by path. */
function compareConflicts(a: ManifestConflict, b: ManifestConflict): number {
  return (
    compareBytes(a.path, b.path) || compareBytes(a.module, b.module) || compareBytes(a.kind, b.kind)
  );
}

/** Whether composition would refuse the two modules. */
export function isRefused({ kind, certain }: ManifestConflict): boolean {
  return kind === 'both_protect' && certain;
}

/** At most so many conflicts, by path: those that composition would refuse before others. `left` are not listed. */
export function cutConflicts(
  conflicts: readonly ManifestConflict[],
  max: number,
): { conflicts: ManifestConflict[]; left: number } {
  const refusedFirst = [
    ...conflicts.filter(isRefused),
    ...conflicts.filter((one) => !isRefused(one)),
  ];
  return {
    conflicts: refusedFirst.slice(0, max).sort(compareConflicts),
    left: Math.max(0, conflicts.length - max),
  };
}

/** Whether any pattern of one could meet any of the other: where it is false, no files of theirs can conflict. */
export function mayConflict(candidate: Contender, neighbour: Contender): boolean {
  const [ours, theirs] = [candidate.manifest, neighbour.manifest];
  const packages = ours.package_spec.length > 0 || theirs.package_spec.length > 0;
  if (packages && (ours.protected_spec.length > 0 || theirs.protected_spec.length > 0)) return true;
  const pairs =
    globsOf(ours) * theirs.protected_spec.length +
    ours.protected_spec.length * theirs.file_spec.length;
  if (pairs > limits.globPairsMax) return true;
  // Ancestors of what is protected are protected as directories, which no pattern says.
  return (
    meetings(
      [...ours.file_spec, ...ours.protected_spec],
      theirs.protected_spec.flatMap(withAncestors),
    ).length > 0 ||
    meetings(ours.protected_spec.flatMap(withAncestors), theirs.file_spec).length > 0
  );
}

function globsOf({ file_spec, protected_spec }: ModuleManifest): number {
  return file_spec.length + protected_spec.length;
}

/** A module's globs and files, looked up fast. */
class Side {
  readonly of: Contender;
  readonly #protection: GlobMatcher;
  readonly #reservation: GlobMatcher;
  readonly #carveOut: GlobMatcher;
  readonly #files: ReadonlySet<string> | null;
  /** Directories that its protected paths are in, and those that its patterns match. */
  readonly #directories = new Set<string>();
  /** Its reservations as they are written. */
  readonly reservations: readonly string[];

  constructor(of: Contender) {
    this.of = of;
    this.#protection = matcher(of.manifest.protected_spec);
    this.reservations = reservationsOf(of);
    this.#reservation = matcher(this.reservations);
    this.#carveOut = matcher(carveOuts(of.manifest));
    this.#files = of.shipped === null ? null : new Set(of.shipped);
    for (const file of of.shipped ?? []) {
      const protectedFile = this.protects(file);
      for (const directory of ancestorPaths(file)) {
        if (protectedFile || this.#protection.matches(directory, true))
          this.#directories.add(directory);
      }
    }
  }

  /** Whether its patterns protect a path, if it ships that. */
  protects(path: string): boolean {
    return this.#protection.matches(path, false);
  }

  /** Whether a path is reserved for it, whoever ships it. */
  reserves(path: string): boolean {
    return this.#reservation.matches(path, false);
  }

  get protectedDirectories(): ReadonlySet<string> {
    return this.#directories;
  }

  /** Whether it takes a file out of another's protection. */
  carves(path: string, from: Contender): boolean {
    return this.of.parent === from.module && this.#carveOut.matches(path, false);
  }

  /** Which of these paths it ships or, as far as its patterns say, may ship: path → whether that is certain. */
  shippedOf(paths: readonly string[]): Map<string, boolean> {
    const { file_spec, package_spec } = this.of.manifest;
    const mask = buildMask(this.of.manifest);
    const shipped = new Map<string, boolean>();
    // Files of packages are not known; who protects a path says that the module has it.
    if (package_spec.length > 0) {
      const named = paths.filter((path) => path !== '/' && this.protects(path));
      for (const path of selectFiles(named, { file_spec: ['/**'], mask })) shipped.set(path, false);
    }
    const files = this.#files;
    if (files !== null) {
      for (const path of paths) if (files.has(path)) shipped.set(path, true);
      return shipped;
    }
    const literal = new Set(concrete(file_spec));
    for (const path of selectFiles(paths, { file_spec, mask }))
      shipped.set(path, literal.has(path));
    return shipped;
  }
}

function againstFiles(own: Side, neighbour: Contender): ManifestConflict[] {
  const other = new Side(neighbour);
  const files = neighbour.shipped ?? [];
  const conflicts: ManifestConflict[] = [];
  const told = new Set<string>();
  const add = (kind: ConflictKind, path: string, certain: boolean) => {
    if (told.has(path)) return;
    told.add(path);
    conflicts.push(conflict(kind, own.of, neighbour, path, certain));
  };

  againstShipped(own, other, add);
  againstProtected(own, other, files, add);
  againstDirectories(own, other, add);
  againstReservations(own, other, add);
  return conflicts;
}

type Add = (kind: ConflictKind, path: string, certain: boolean) => void;

/** Files that both sides ship. */
function againstShipped(own: Side, other: Side, add: Add): void {
  for (const [path, certain] of own.shippedOf(other.of.shipped ?? [])) {
    const kind = kindOf(path, own, other);
    if (kind === null) continue;

    // A neighbour's file at a reserved path meets the reservation whether the candidate ships it or not.
    const meetsReservation = kind !== 'would_be_dropped' && own.reserves(path);
    add(kind, path, certain || meetsReservation);
  }
}

function kindOf(path: string, own: Side, other: Side): ConflictKind | null {
  const [ours, theirs] = [own.protects(path), other.protects(path)];
  if (theirs && own.carves(path, other.of)) return null;
  if (ours && other.carves(path, own.of)) return null;
  if (ours && theirs) return 'both_protect';
  if (theirs) return 'would_be_dropped';
  return ours ? 'would_drop' : null;
}

/** The neighbour's files at paths that are reserved for the candidate, or where it has a protected directory. */
function againstProtected(own: Side, other: Side, files: readonly string[], add: Add): void {
  for (const path of files) {
    const reserved = own.reserves(path) && !other.carves(path, own.of);
    if (!reserved && !own.protectedDirectories.has(path)) continue;
    add(other.protects(path) ? 'both_protect' : 'would_drop', path, true);
  }
}

/** The candidate's files where the neighbour has a protected directory. */
function againstDirectories(own: Side, other: Side, add: Add): void {
  const directories = [...other.protectedDirectories].filter((path) => path !== '/');
  for (const [path, certain] of own.shippedOf(directories)) {
    // A wildcard that could be a file in place of a directory hardly ever means one.
    if (certain) add(own.protects(path) ? 'both_protect' : 'would_be_dropped', path, true);
  }
}

/** What is reserved for the neighbour and not shipped by it; and concrete paths that are reserved for both. */
function againstReservations(own: Side, other: Side, add: Add): void {
  againstReservedPaths(own, other, add);
  againstSharedReservations(own, other, add);
  if (own.of.shipped === null) againstReservedPatterns(own, other, add);
}

function againstReservedPaths(own: Side, other: Side, add: Add): void {
  const { shipped, manifest } = own.of;
  const paths =
    shipped === null
      ? own.shippedOf(concrete(manifest.file_spec))
      : shipped.map((path) => [path, true] as const);
  for (const [path, certain] of paths) {
    if (other.reserves(path) && !own.carves(path, other.of)) {
      add(own.protects(path) ? 'both_protect' : 'would_be_dropped', path, certain);
    }
  }
}

/** Concrete paths that one side reserves and a pattern of the other reserves too. */
function againstSharedReservations(own: Side, other: Side, add: Add): void {
  const reserved = [
    ...concrete(own.reservations).filter((path) => other.reserves(path)),
    ...concrete(other.reservations).filter((path) => own.reserves(path)),
  ];
  for (const path of reserved) {
    if (own.carves(path, other.of) || other.carves(path, own.of)) continue;
    add('both_protect', path, true);
  }
}

/** Where the candidate's files are not known: its wildcards that can meet a reservation. */
function againstReservedPatterns(own: Side, other: Side, add: Add): void {
  const { manifest } = own.of;
  const carved = own.of.parent === other.of.module ? carveOuts(manifest) : [];
  const wild = manifest.file_spec.filter(
    (glob) => !carved.includes(glob) && literalPath(compileGlob(glob)) === null,
  );
  for (const glob of meetings(wild, other.reservations)) {
    add(
      meetings(manifest.protected_spec, [glob]).length > 0 ? 'both_protect' : 'would_be_dropped',
      glob,
      false,
    );
  }
}

/** Where the neighbour's files are not known either: each of its patterns that one of the candidate's can meet. */
function betweenPatterns(own: Side, neighbour: Contender): ManifestConflict[] {
  const [ours, theirs] = [own.of.manifest, neighbour.manifest];
  const protectedByBoth = new Set(meetings(ours.protected_spec, theirs.protected_spec));
  const carvedByUs = own.of.parent === neighbour.module ? carveOuts(ours) : [];
  const carvedByThem = neighbour.parent === own.of.module ? carveOuts(theirs) : [];
  const kept = (globs: readonly string[], carved: string[]) =>
    globs.filter((glob) => !carved.includes(glob));
  const shipped = own.of.shipped?.map(escaped) ?? kept(ours.file_spec, carvedByUs);
  const dropped = meetings(shipped, theirs.protected_spec).filter(
    (glob) => !protectedByBoth.has(glob),
  );
  const drops = meetings(ours.protected_spec, kept(theirs.file_spec, carvedByThem));
  const made = (kind: ConflictKind, globs: Iterable<string>) =>
    [...globs].map((glob) => conflict(kind, own.of, neighbour, glob, false));
  return [
    ...made('both_protect', protectedByBoth),
    ...made('would_be_dropped', dropped),
    ...made('would_drop', drops),
  ];
}

/**
 * Those of `theirs` that match a path which one of `ours` matches as well. Globs too tangled to compare, or too many, are
 * taken to: their files, where those are known, decide.
 */
function meetings(ours: readonly string[], theirs: readonly string[]): string[] {
  const compiled = ours.map(compileGlob);
  let work = 0;
  return [...new Set(theirs)].filter((glob) => {
    const other = compileGlob(glob);
    return compiled.some((mine) => {
      work += mine.tokens.length * other.tokens.length;
      return work > limits.overlapWorkMax || meet(mine, other);
    });
  });
}

/** A glob and globs of the directories that what it matches may be in. */
function withAncestors(glob: string): string[] {
  if (!glob.startsWith('/')) return ['/**'];
  const components = glob.split('/');
  const wild = components.findIndex((component) => /[*?[\\]/.test(component));
  const fixed = components.slice(0, wild === -1 ? components.length : wild).join('/') || '/';
  return [
    glob,
    ...ancestorPaths(`${fixed}/_`).slice(1),
    ...(wild === -1 ? [] : [`${fixed === '/' ? '' : fixed}/**`]),
  ];
}

function meet(a: Glob, b: Glob): boolean {
  try {
    return intersects(a, b);
  } catch (error) {
    if (isGantryError(error, 'glob_too_complex')) return true;
    throw error;
  }
}

/** The paths that globs name which match one path only. */
function concrete(globs: readonly string[]): string[] {
  return globs.flatMap((glob) => literalPath(compileGlob(glob)) ?? []);
}

/** The patterns that are reserved for a module as its manifest is. */
function reservationsOf({ manifest, granted_reservations }: Contender): string[] {
  return granted_reservations.filter((pattern) => manifest.protected_spec.includes(pattern));
}

function escaped(path: string): string {
  return path.replace(/[*?[\\]/g, '\\$&');
}

function matcher(globs: readonly string[]): GlobMatcher {
  return new GlobMatcher(globs.map(compileGlob));
}

function conflict(
  kind: ConflictKind,
  own: Contender,
  other: Contender,
  path: string,
  certain: boolean,
): ManifestConflict {
  const where = JSON.stringify(path);
  const ranks = `whichever ranks higher (${own.module} ${own.priority ?? 'unknown'}, ${other.module} ${other.priority ?? 'unknown'})`;
  const if_ = certain ? '' : ` if ${own.module} ships it`;
  const sentences: Record<ConflictKind, string> = {
    both_protect:
      `expected one module to protect ${where}, found that ${own.module} and ${other.module} both do: they cannot be ` +
      `composed${if_}; rename one's file, or carve it out in a config module of the other`,
    would_be_dropped: `${where} of ${own.module} would be dropped${if_}, because ${other.module} protects it, ${ranks}`,
    would_drop: `${where} of ${other.module} would be dropped${if_}, because ${own.module} protects it, ${ranks}`,
  };
  return { kind, module: other.module, path, certain, message: sentences[kind] };
}
