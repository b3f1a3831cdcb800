import { createHash } from 'node:crypto';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';

/** A file or link of an extension. Its path is relative to the root, with `/` in between. */
export type TreeEntry =
  | { path: string; kind: 'file'; executable: boolean; bytes: Buffer }
  | { path: string; kind: 'link'; target: string };

/**
 * The content of an extension: what its archive holds, whichever kind of archive that is. Entries
 * are sorted by path.
 */
export interface ExtensionTree {
  entries: readonly TreeEntry[];
  /** `sha256:<hex>` of all paths, modes, contents and targets. */
  digest: string;
}

/**
 * Collects the entries of a hostile archive. Each is checked when it is added, the whole at the
 * end. What is refused has one code, `archive_unsafe`; what is too much has `archive_too_large`.
 */
export class TreeBuilder {
  readonly #entries: TreeEntry[] = [];
  #count = 0;
  #bytes = 0;

  /** Bytes that the files may still have. */
  get bytesLeft(): number {
    return limits.extensionBytesMax - this.#bytes;
  }

  addDirectory(name: string): void {
    this.#countEntry();
    if (name !== '' && name !== '.' && name !== './') cleanPath(name.replace(/\/$/, ''));
  }

  addFile(name: string, executable: boolean, bytes: Buffer): void {
    this.#countEntry();
    this.takeBytes(bytes.length);
    this.#entries.push({ path: cleanPath(name), kind: 'file', executable, bytes });
  }

  addLink(name: string, target: string): void {
    this.#countEntry();
    this.#entries.push({ path: cleanPath(name), kind: 'link', target });
  }

  /** Refuses bytes that exceed what an extension may have, before they are kept. */
  takeBytes(bytes: number): void {
    this.#bytes += bytes;
    if (this.bytesLeft >= 0) return;
    throw new GantryError(
      'archive_too_large',
      `expected files of at most ${limits.extensionBytesMax} bytes, found more`,
    );
  }

  /**
   * Strips a sole top-level directory, as forges make, unless the tree is known to be at its top,
   * and checks what the entries are together.
   * @throws GantryError `archive_unsafe`
   */
  finish({ top = false }: { top?: boolean } = {}): ExtensionTree {
    const entries = (top ? [...this.#entries] : stripTop(this.#entries)).sort((a, b) =>
      comparePaths(a.path, b.path),
    );
    refuseSecondNames(entries);
    refuseLinksOut(entries);
    return { entries, digest: digestOf(entries) };
  }

  #countEntry(): void {
    this.#count++;
    const max = limits.extensionEntriesMax;
    if (this.#count <= max) return;
    throw new GantryError('archive_too_large', `expected at most ${max} entries, found more`);
  }
}

export function unsafe(message: string): GantryError {
  return new GantryError('archive_unsafe', message);
}

/** A path as its author named it, short enough for an error. */
function quote(path: string): string {
  return JSON.stringify(path.length > 200 ? `${path.slice(0, 200)}…` : path);
}

const wrongComponents = ['', '.', '..'];

/** Removes one leading `./`, because `tar -c .` writes it everywhere. */
function cleanPath(name: string): string {
  const path = name.replace(/^\.\//, '');
  if (/[\p{Cc}\\]/u.test(path) || !path.isWellFormed()) {
    throw unsafe(`expected a path without control characters and "\\", found ${quote(name)}`);
  }

  const components = path.split('/');
  if (components.some((one) => wrongComponents.includes(one)) || /^[A-Za-z]:/.test(path)) {
    throw unsafe(`expected a path below the root of the archive, found ${quote(name)}`);
  }

  const long = components.some((one) => Buffer.byteLength(one) > limits.nameBytesMax);
  if (long || Buffer.byteLength(path) > limits.extensionPathBytesMax) {
    throw unsafe(
      `expected a path of at most ${limits.extensionPathBytesMax} bytes, found ${quote(name)}`,
    );
  }

  return path;
}

/** Only a directory that holds everything is stripped, so no two files can meet. */
function stripTop(entries: readonly TreeEntry[]): TreeEntry[] {
  const [first] = entries;
  const top = first?.path.slice(0, first.path.indexOf('/') + 1);
  if (top === undefined || top === '' || !entries.every(({ path }) => path.startsWith(top)))
    return [...entries];
  return entries.map((entry) => ({ ...entry, path: entry.path.slice(top.length) }));
}

/** Bytewise, so that the order is the same everywhere. */
function comparePaths(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/**
 * Refuses a path that comes twice, a file with entries below it, and names that are one on a file
 * system without case or with another Unicode form.
 */
function refuseSecondNames(entries: readonly TreeEntry[]): void {
  const spelled = new Map<string, string>();
  const files = new Set<string>();

  for (const { path } of entries) {
    for (const part of listPrefixes(path)) {
      const folded = part.normalize('NFC').toLowerCase();
      const other = spelled.get(folded);
      if (other !== undefined && other !== part) {
        throw unsafe(
          `expected names that differ in more than case, found ${quote(other)} and ${quote(part)}`,
        );
      }
      spelled.set(folded, part);
      if (part !== path && files.has(part)) {
        throw unsafe(`expected a directory at ${quote(part)}, found a file with entries below it`);
      }
    }

    if (files.has(path)) throw unsafe(`expected ${quote(path)} once, found it again`);
    files.add(path);
  }
}

/** `a/b/c` → `a`, `a/b`, `a/b/c`. */
function listPrefixes(path: string): string[] {
  const components = path.split('/');
  return components.map((_, index) => components.slice(0, index + 1).join('/'));
}

/**
 * Refuses a link that does not lead to a file or directory of the tree. Links to links are refused
 * too, so what a link means can be read from the names alone.
 */
function refuseLinksOut(entries: readonly TreeEntry[]): void {
  const links = new Set(entries.filter(({ kind }) => kind === 'link').map(({ path }) => path));
  const known = new Set(entries.flatMap(({ path }) => listPrefixes(path)));

  for (const entry of entries) {
    if (entry.kind !== 'link') continue;
    const place = resolveLink(entry.path, entry.target);
    const through = place === undefined ? [] : listPrefixes(place).filter((at) => links.has(at));
    if (place !== undefined && known.has(place) && through.length === 0) continue;

    const message = `expected the link ${quote(entry.path)} to lead to a file or directory of the extension, and through no other link, found ${quote(entry.target)}`;
    throw unsafe(message);
  }
}

function resolveLink(path: string, target: string): string | undefined {
  if (target === '' || target.startsWith('/') || /[\p{Cc}\\]/u.test(target)) return undefined;

  const at = path.split('/').slice(0, -1);
  for (const component of target.split('/')) {
    if (component === '' || component === '.') continue;
    if (component !== '..') at.push(component);
    else if (at.pop() === undefined) return undefined;
  }

  return at.join('/');
}

/**
 * The digest of lines `<mode> <SHA-256 of the content or target> <path>`, each ended by NUL, after
 * a line that names the form. Modes are git's: 100644, 100755 and 120000.
 */
function digestOf(entries: readonly TreeEntry[]): string {
  const hash = createHash('sha256').update('gantry extension tree 1\0');
  for (const entry of entries) {
    const isLink = entry.kind === 'link';
    const mode = isLink ? '120000' : entry.executable ? '100755' : '100644';
    const content = createHash('sha256').update(isLink ? entry.target : entry.bytes);
    hash.update(`${mode} ${content.digest('hex')} ${entry.path}\0`);
  }

  return `sha256:${hash.digest('hex')}`;
}
