import { limits } from '../base/limits/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import { compileGlob, literalPath } from '../files/index.ts';
import { type Contender, Side } from './conflict-side.ts';
import { escapeGlob, findMeetings, listLiteralPaths, withAncestors } from './glob-meetings.ts';
import { carveOutCure, carveOuts } from './registration-match.ts';
import type { ModuleManifest } from './schema.ts';

export type ConflictKind = 'both_protect' | 'would_be_dropped' | 'would_drop';

export interface ManifestConflict {
  kind: ConflictKind;
  /** The other module, `<account>/<name>`. */
  module: string;
  /** A path, or a pattern of the other module if the files of neither are known. */
  path: string;
  /**
   * Whether both are known to ship the path. Otherwise the patterns allow it, and the files decide.
   */
  certain: boolean;
  message: string;
}

/**
 * Finds the conflicts between a module and its neighbours if they were composed (product.md,
 * section 2): both protect a path, which composition refuses; a neighbour's protection would drop
 * the candidate's file; or the candidate's protection would drop a neighbour's file. Protection
 * applies whichever layer ranks higher, so priorities are reported but decide nothing. Carve-outs
 * between a config module and its parent are no conflicts. Sorted by path; the order of the input
 * never matters.
 */
export function findConflicts(
  candidate: Contender,
  neighbours: Iterable<Contender>,
): ManifestConflict[] {
  const conflicts: ManifestConflict[] = [];
  const own = new Side(candidate);

  for (const neighbour of neighbours) {
    if (neighbour.module === candidate.module) continue;
    const found =
      neighbour.shipped === null ? comparePatterns(own, neighbour) : compareFiles(own, neighbour);
    conflicts.push(...found);
  }

  return conflicts.sort(compareConflicts);
}

/** Orders conflicts by path. */
function compareConflicts(a: ManifestConflict, b: ManifestConflict): number {
  return (
    compareBytes(a.path, b.path) || compareBytes(a.module, b.module) || compareBytes(a.kind, b.kind)
  );
}

/** Whether composition would refuse the two modules. */
export function isRefused({ kind, certain }: ManifestConflict): boolean {
  return kind === 'both_protect' && certain;
}

/**
 * Returns at most `max` conflicts, sorted by path. Conflicts that composition would refuse take
 * precedence. `left` is the number of omitted conflicts.
 */
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

/**
 * Whether any pattern of one module could match a path of the other. If not, none of their files
 * can conflict.
 */
export function canConflict(candidate: Contender, neighbour: Contender): boolean {
  const [ours, theirs] = [candidate.manifest, neighbour.manifest];
  const packages = ours.package_spec.length > 0 || theirs.package_spec.length > 0;
  if (packages && (ours.protected_spec.length > 0 || theirs.protected_spec.length > 0)) return true;

  const pairs =
    countGlobs(ours) * theirs.protected_spec.length +
    ours.protected_spec.length * theirs.file_spec.length;
  if (pairs > limits.globPairsMax) return true;

  // Ancestors of protected paths are protected as directories, but no pattern names them.
  return (
    findMeetings(
      [...ours.file_spec, ...ours.protected_spec],
      theirs.protected_spec.flatMap(withAncestors),
    ).length > 0 ||
    findMeetings(ours.protected_spec.flatMap(withAncestors), theirs.file_spec).length > 0
  );
}

function countGlobs({ file_spec, protected_spec }: ModuleManifest): number {
  return file_spec.length + protected_spec.length;
}

function compareFiles(own: Side, neighbour: Contender): ManifestConflict[] {
  const other = new Side(neighbour);
  const files = neighbour.shipped ?? [];
  const conflicts: ManifestConflict[] = [];
  const reported = new Set<string>();

  const add = (kind: ConflictKind, path: string, certain: boolean) => {
    if (reported.has(path)) return;
    reported.add(path);
    conflicts.push(makeConflict({ kind, own: own.of, other: neighbour, path, certain }));
  };

  compareShipped(own, other, add);
  compareProtected(own, other, files, add);
  compareDirectories(own, other, add);
  compareReservations(own, other, add);

  return conflicts;
}

type Add = (kind: ConflictKind, path: string, certain: boolean) => void;

/** Compares the files that both sides ship. */
function compareShipped(own: Side, other: Side, add: Add): void {
  for (const [path, certain] of own.findShipped(other.of.shipped ?? [])) {
    const kind = findKind(path, own, other);
    if (kind === null) continue;

    // A neighbour's file at a reserved path violates the reservation even if the candidate does not
    // ship it.
    const meetsReservation = kind !== 'would_be_dropped' && own.reserves(path);
    add(kind, path, certain || meetsReservation);
  }
}

function findKind(path: string, own: Side, other: Side): ConflictKind | null {
  const [ours, theirs] = [own.protects(path), other.protects(path)];
  if (theirs && own.carves(path, other.of)) return null;
  if (ours && other.carves(path, own.of)) return null;
  if (ours && theirs) return 'both_protect';
  if (theirs) return 'would_be_dropped';

  return ours ? 'would_drop' : null;
}

/**
 * Compares the neighbour's files with the paths reserved for the candidate and with its protected
 * directories.
 */
function compareProtected(own: Side, other: Side, files: readonly string[], add: Add): void {
  for (const path of files) {
    const reserved = own.reserves(path) && !other.carves(path, own.of);
    if (!reserved && !own.protectedDirectories.has(path)) continue;
    add(other.protects(path) ? 'both_protect' : 'would_drop', path, true);
  }
}

/** Compares the candidate's files with the neighbour's protected directories. */
function compareDirectories(own: Side, other: Side, add: Add): void {
  const directories = [...other.protectedDirectories].filter((path) => path !== '/');
  for (const [path, certain] of own.findShipped(directories)) {
    // A wildcard that could match a file at the path of a directory hardly ever means one.
    if (certain) add(own.protects(path) ? 'both_protect' : 'would_be_dropped', path, true);
  }
}

/**
 * Compares paths that are reserved for the neighbour, even if it does not ship them, and concrete
 * paths that are reserved for both.
 */
function compareReservations(own: Side, other: Side, add: Add): void {
  compareReservedPaths(own, other, add);
  compareSharedReservations(own, other, add);
  if (own.of.shipped === null) compareReservedPatterns(own, other, add);
}

function compareReservedPaths(own: Side, other: Side, add: Add): void {
  const { shipped, manifest } = own.of;
  const paths =
    shipped === null
      ? own.findShipped(listLiteralPaths(manifest.file_spec))
      : shipped.map((path) => [path, true] as const);

  for (const [path, certain] of paths) {
    if (other.reserves(path) && !own.carves(path, other.of)) {
      add(own.protects(path) ? 'both_protect' : 'would_be_dropped', path, certain);
    }
  }
}

/** Finds concrete paths that one side reserves and that a pattern of the other reserves too. */
function compareSharedReservations(own: Side, other: Side, add: Add): void {
  const reserved = [
    ...listLiteralPaths(own.reservations).filter((path) => other.reserves(path)),
    ...listLiteralPaths(other.reservations).filter((path) => own.reserves(path)),
  ];
  for (const path of reserved) {
    if (own.carves(path, other.of) || other.carves(path, own.of)) continue;
    add('both_protect', path, true);
  }
}

/** For a candidate with unknown files: compares its wildcards with the reservations. */
function compareReservedPatterns(own: Side, other: Side, add: Add): void {
  const { manifest } = own.of;
  const carved = own.of.parent === other.of.module ? carveOuts(manifest) : [];
  const wild = manifest.file_spec.filter(
    (glob) => !carved.includes(glob) && literalPath(compileGlob(glob)) === null,
  );

  for (const glob of findMeetings(wild, other.reservations)) {
    add(
      findMeetings(manifest.protected_spec, [glob]).length > 0
        ? 'both_protect'
        : 'would_be_dropped',
      glob,
      false,
    );
  }
}

/**
 * For a neighbour whose files are unknown too: finds each of its patterns that one of the
 * candidate's patterns can meet.
 */
function comparePatterns(own: Side, neighbour: Contender): ManifestConflict[] {
  const [ours, theirs] = [own.of.manifest, neighbour.manifest];
  const protectedByBoth = new Set(findMeetings(ours.protected_spec, theirs.protected_spec));
  const carvedByUs = own.of.parent === neighbour.module ? carveOuts(ours) : [];
  const carvedByThem = neighbour.parent === own.of.module ? carveOuts(theirs) : [];
  const withoutCarved = (globs: readonly string[], carved: string[]) =>
    globs.filter((glob) => !carved.includes(glob));
  const shipped = own.of.shipped?.map(escapeGlob) ?? withoutCarved(ours.file_spec, carvedByUs);
  const dropped = findMeetings(shipped, theirs.protected_spec).filter(
    (glob) => !protectedByBoth.has(glob),
  );
  const drops = findMeetings(ours.protected_spec, withoutCarved(theirs.file_spec, carvedByThem));
  const makeConflicts = (kind: ConflictKind, globs: Iterable<string>) =>
    [...globs].map((glob) =>
      makeConflict({ kind, own: own.of, other: neighbour, path: glob, certain: false }),
    );

  return [
    ...makeConflicts('both_protect', protectedByBoth),
    ...makeConflicts('would_be_dropped', dropped),
    ...makeConflicts('would_drop', drops),
  ];
}

interface MeetingPath {
  kind: ConflictKind;
  own: Contender;
  other: Contender;
  path: string;
  certain: boolean;
}

function makeConflict({ kind, own, other, path, certain }: MeetingPath): ManifestConflict {
  const where = JSON.stringify(path);
  const ranks = `whichever ranks higher (${own.module} ${own.priority ?? 'unknown'}, ${other.module} ${other.priority ?? 'unknown'})`;
  const if_ = certain ? '' : ` if ${own.module} ships it`;

  const sentences: Record<ConflictKind, string> = {
    both_protect:
      `expected one module to protect ${where}, found that ${own.module} and ${other.module} both do: they cannot be ` +
      `composed${if_}. Rename one's file, or carve it out in a config module of the other`,
    would_be_dropped: `${where} of ${own.module} would be dropped${if_}, because ${other.module} protects it, ${ranks}; ${carveOutCure(own.module, other.module)}`,
    would_drop: `${where} of ${other.module} would be dropped${if_}, because ${own.module} protects it, ${ranks}; ${carveOutCure(other.module, own.module)}`,
  };

  return { kind, module: other.module, path, certain, message: sentences[kind] };
}
