import { ancestorPaths } from '../domain/files/index.ts';
import { type GlobMatcher, selectFiles } from '../files/index.ts';
import { compileMatcher, listLiteralPaths } from './glob-meetings.ts';
import { buildMask, carveOuts } from './registration-match.ts';
import type { ModuleManifest } from './schema.ts';

/** The facts about a module that decide its conflicts with others. */
export interface Contender {
  /** `<account>/<name>` */
  module: string;
  /** `<account>/<name>`, null for a module without a parent. */
  parent: string | null;
  /** The priority of its layer (product.md, section 7), or null if its category is unknown. */
  priority: number | null;
  manifest: ModuleManifest;
  /** Patterns that an operator granted. Only those that its `protected_spec` contains count. */
  granted_reservations: readonly string[];
  /** Paths of all files (not directories) that it ships, or null if only its patterns are known. */
  shipped: readonly string[] | null;
}
/** A module's globs and files, indexed for fast lookup. */
export class Side {
  readonly of: Contender;
  readonly #protection: GlobMatcher;
  readonly #reservation: GlobMatcher;
  readonly #carveOut: GlobMatcher;
  readonly #files: ReadonlySet<string> | null;
  /** The parent directories of its protected paths, and the directories that its patterns match. */
  readonly #directories = new Set<string>();
  /** Its reservations as written. */
  readonly reservations: readonly string[];

  constructor(of: Contender) {
    this.of = of;
    this.#protection = compileMatcher(of.manifest.protected_spec);
    this.reservations = listReservations(of);
    this.#reservation = compileMatcher(this.reservations);
    this.#carveOut = compileMatcher(carveOuts(of.manifest));
    this.#files = of.shipped === null ? null : new Set(of.shipped);

    for (const file of of.shipped ?? []) {
      const protectedFile = this.protects(file);
      for (const directory of ancestorPaths(file)) {
        if (protectedFile || this.#protection.matches(directory, true))
          this.#directories.add(directory);
      }
    }
  }

  /** Whether its patterns protect a path that it ships. */
  protects(path: string): boolean {
    return this.#protection.matches(path, false);
  }

  /** Whether a path is reserved for it, even if it does not ship the path. */
  reserves(path: string): boolean {
    return this.#reservation.matches(path, false);
  }

  get protectedDirectories(): ReadonlySet<string> {
    return this.#directories;
  }

  /** Whether it carves a file out of another module's protection. */
  carves(path: string, from: Contender): boolean {
    return this.of.parent === from.module && this.#carveOut.matches(path, false);
  }

  /**
   * Returns which of these paths it ships or, by its patterns, may ship: path → whether that is
   * certain.
   */
  findShipped(paths: readonly string[]): Map<string, boolean> {
    const { file_spec, package_spec } = this.of.manifest;
    const mask = buildMask(this.of.manifest);
    const shipped = new Map<string, boolean>();

    // The files of packages are unknown, but a module that protects a path claims to have it.
    if (package_spec.length > 0) {
      const named = paths.filter((path) => path !== '/' && this.protects(path));
      for (const path of selectFiles(named, { file_spec: ['/**'], mask })) shipped.set(path, false);
    }

    const files = this.#files;
    if (files !== null) {
      for (const path of paths) if (files.has(path)) shipped.set(path, true);
      return shipped;
    }

    const literal = new Set(listLiteralPaths(file_spec));
    for (const path of selectFiles(paths, { file_spec, mask }))
      shipped.set(path, literal.has(path));
    return shipped;
  }
}

/** The patterns that are reserved for a module with its current manifest. */
function listReservations({ manifest, granted_reservations }: Contender): string[] {
  return granted_reservations.filter((pattern) => manifest.protected_spec.includes(pattern));
}
