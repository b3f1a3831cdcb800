import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import { fsVerityDigest } from '../composefs/index.ts';
import type { LayerName } from '../domain/compose/index.ts';
import {
  ancestorPaths,
  compareBytes,
  parentPath,
  plainDirectory,
  plainFile,
  type TreeEntry,
} from '../domain/files/index.ts';
import { layerName, type UnitInput } from './input.ts';
import { generatedDirectory, unitDirectories, unitPath } from './names.ts';

/** Linux follows at most so many links (path_resolution(7)). */
const linksMax = 40;

/** A unit of the merged root. */
export interface FoundUnit {
  /** Its own name, which may not be the one that was looked for. */
  unit: string;
  path: string;
  /** The module whose file it is. */
  by: LayerName | undefined;
}

/** The merged root: looks up paths, links and units. */
export class Root {
  readonly #entries: Map<string, TreeEntry>;
  readonly #owners = new Map<string, LayerName>();
  /** Paths below the directories of units. */
  readonly #unitPaths: string[] = [];
  /** Units that links of `*.wants` and `*.requires` start: name → the link. */
  readonly enabled = new Map<string, string>();

  constructor({ entries, layers }: UnitInput) {
    this.#entries = new Map(entries.map((entry) => [entry.path, entry]));
    for (const layer of layers) {
      for (const { path, type } of layer.entries)
        if (type !== 'directory') this.#owners.set(path, layerName(layer));
    }

    for (const { path } of entries) {
      const rest = unitPath(path);
      if (rest === null) continue;
      this.#unitPaths.push(path);
      const [, unit] = /^[^/]+\.(?:wants|requires)\/([^/]+)$/.exec(rest) ?? [];
      if (unit !== undefined) this.enabled.set(unit, path);
    }
  }

  get(path: string): TreeEntry | undefined {
    return this.#entries.get(path);
  }

  ownerOf(path: string): LayerName | undefined {
    return this.#owners.get(path);
  }

  /** The path that a path leads to through links of any component, or null if nothing is there. */
  resolve(path: string): string | null {
    const pending = componentsOf(path);
    let at = '/';
    let links = 0;

    for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
      const next = step(at, name);
      const entry = this.#entries.get(next);
      if (entry === undefined && next !== '/') return null;
      if (entry?.type !== 'symlink') {
        at = next;
        continue;
      }

      if (++links > linksMax) return null;
      const { target = '' } = entry;
      pending.unshift(...componentsOf(target));
      if (target.startsWith('/')) at = '/';
    }

    return at;
  }

  /** The unit that systemd finds by a name; null if there is none, or if it is masked. */
  findUnit(name: string): FoundUnit | null {
    for (const directory of unitDirectories) {
      const place = this.resolve(directory);
      const entry = place === null ? undefined : this.#entries.get(`${place}/${name}`);
      if (entry === undefined) continue;

      const path = this.resolve(entry.path);
      if (path === null || this.#entries.get(path)?.type !== 'file') return null;
      return { unit: baseName(path), path, by: this.#owners.get(path) };
    }

    return null;
  }

  /** Other names of a unit: links to it in the directories of units. */
  aliasesOf({ unit, path }: FoundUnit): string[] {
    const names = this.#unitPaths
      .filter((one) => this.#entries.get(one)?.type === 'symlink' && this.resolve(one) === path)
      .filter((one) => !unitPath(one)?.includes('/'))
      .map(baseName);
    return [...new Set(names)].filter((name) => name !== unit).sort(compareBytes);
  }

  /** The drop-ins of a unit, in the order in which systemd reads them. */
  dropInsOf(unit: string): string[] {
    const byName = new Map<string, string>();
    for (const directory of unitDirectories.toReversed()) {
      for (const path of this.#unitPaths) {
        const prefix = `${directory}/${unit}.d/`;
        const name = path.startsWith(prefix) ? path.slice(prefix.length) : '';
        if (name.endsWith('.conf') && !name.includes('/')) byName.set(name, path);
      }
    }

    return [...byName].sort(([a], [b]) => compareBytes(a, b)).map(([, path]) => path);
  }
}

function componentsOf(path: string): string[] {
  return path.split('/').filter((one) => one !== '' && one !== '.');
}

function step(at: string, name: string): string {
  if (name === '..') return parentPath(at);
  return at === '/' ? `/${name}` : `${at}/${name}`;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Attributes of a new file; times are 0, so that equal manifests give equal images. */
interface Attributes {
  mode: number;
  uid?: number;
  gid?: number;
  xattrs?: Record<string, string>;
}

/** The entries of the generated layer while they are made. */
export class Drawing {
  readonly #root: Root;
  readonly #entries = new Map<string, TreeEntry>();
  readonly contents = new Map<string, Uint8Array>();
  readonly removed = new Set<string>();

  constructor(root: Root) {
    this.#root = root;
  }

  has(path: string): boolean {
    return (
      this.#entries.has(path) || (this.#root.get(path) !== undefined && !this.removed.has(path))
    );
  }

  addFile(path: string, text: string, { mode, uid = 0, gid = 0, xattrs }: Attributes): void {
    const bytes = Buffer.from(text);
    this.#add({
      path,
      ...plainFile,
      mode,
      uid,
      gid,
      size: bytes.length,
      ...(xattrs === undefined ? {} : { xattrs }),
      ...(bytes.length === 0 ? {} : { verity: fsVerityDigest(bytes) }),
      ...(bytes.length === 0 || bytes.length > limits.inlineFileBytesMax
        ? {}
        : { content: bytes.toString('base64') }),
    });
    if (bytes.length > limits.inlineFileBytesMax) this.contents.set(path, bytes);
  }

  addLink(path: string, target: string): void {
    this.#add({
      path,
      ...plainFile,
      type: 'symlink',
      mode: 0o777,
      size: Buffer.byteLength(target),
      target,
    });
  }

  /** Adds a directory unless the root has it. */
  addDirectory(path: string): void {
    for (const above of [...ancestorPaths(path), path]) this.#requireDirectory(above);
  }

  /** Repeats an entry of the root at another path. The place in its layer's tar is left out. */
  addCopy(path: string, { offset: _, ...entry }: TreeEntry): void {
    this.#add({ ...entry, path });
  }

  remove(path: string): void {
    this.removed.add(path);
  }

  /** The entries, with the directories above them that the root lacks. */
  finish(): TreeEntry[] {
    return [...this.#entries.values()].sort((a, b) => compareBytes(a.path, b.path));
  }

  #add(entry: TreeEntry): void {
    for (const path of ancestorPaths(entry.path)) this.#requireDirectory(path);
    const before = this.#root.get(entry.path);
    const isShape = (before?.type === 'directory') === (entry.type === 'directory');
    if (before !== undefined && !isShape && !this.removed.has(entry.path))
      throw this.#takenError(entry.path);
    this.#entries.set(entry.path, entry);
  }

  #requireDirectory(path: string): void {
    const entry = this.#entries.get(path) ?? this.#rootEntry(path);
    if (entry?.type === 'directory') return;
    if (entry !== undefined) throw this.#takenError(path);
    this.#entries.set(path, { path, ...plainDirectory });
  }

  #rootEntry(path: string): TreeEntry | undefined {
    return this.removed.has(path) ? undefined : this.#root.get(path);
  }

  #takenError(path: string): GantryError {
    const { type } = this.#root.get(path) ?? { type: 'file' };
    return reservedError(path, `which is of type ${type}`, this.#root.ownerOf(path));
  }
}

export function reservedError(path: string, what: string, by: LayerName | undefined): GantryError {
  return new GantryError(
    'generated_path_conflict',
    `expected no module to ship ${JSON.stringify(path)}, which Gantry makes from manifests; found it in ${by ?? 'the root'}, ${what}. Ship it under another name`,
    { field: path, found: by },
  );
}

export const unitPathOf = (unit: string): string => `${generatedDirectory}/${unit}`;
