import {
  chmodSync,
  lchownSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGantryError } from '../../../shared/base/error.ts';
import { treeFromDirectory } from '../../../shared/composefs/directory.ts';
import { imageOfTree } from '../../../shared/composefs/image.ts';
import { composefsImage, fsVerityDigest } from '../../../shared/composefs/index.ts';
import { compose, layerName } from '../../../shared/composition/index.ts';
import type { Composition, CompositionLayer } from '../../../shared/domain/compose/index.ts';
import { ancestorPaths, compareBytes, type TreeEntry } from '../../../shared/domain/files/index.ts';
import { compileGlob, matches } from '../../../shared/files/index.ts';
import { entry, layer, needsDirectory } from './factory.ts';

const isRoot = process.getuid?.() === 0;
/** Only root may give files away. */
const owners = isRoot ? [0, 1000] : [process.getuid?.() ?? 0];
const group = isRoot ? 0 : (process.getgid?.() ?? 0);
const paths = ['/a', '/a/x', '/a/y', '/a/x/1', '/b', '/b/x', '/c/x/1'];
const globs = ['/a/x', '/a/***', 'x', '/b/*', '/c/', '1'];
const names = ['acme/a', 'acme/b', 'acme/c', 'acme/d'];

const common = {
  uid: fc.constantFrom(...owners),
  mtime: fc.integer({ min: 1, max: 2_000_000_000 }),
};
const file = fc.record({
  ...common,
  mode: fc.constantFrom(0o600, 0o644, 0o4755),
  length: fc.constantFrom(0, 3, 64, 65, 5000),
});
const directory = fc.record({ ...common, mode: fc.constantFrom(0o700, 0o755, 0o1777) });

/** The content that a file of a length has: told apart by module and path. */
function contentOf(name: string, path: string, length: number): Buffer {
  return Buffer.alloc(length, `${name} ${path} `);
}

function fileEntry(
  name: string,
  path: string,
  { length, ...facts }: { length: number; mode: number; uid: number },
) {
  const bytes = contentOf(name, path, length);
  const small = length > 0 && length <= 64 ? { content: bytes.toString('base64') } : {};
  const verity = length > 0 ? { verity: fsVerityDigest(bytes) } : {};
  return entry(path, 'file', { ...facts, gid: group, size: length, ...small, ...verity });
}

function anyLayer(name: string): fc.Arbitrary<CompositionLayer> {
  const own = fc.record({
    priority: fc.integer({ min: 0, max: 3 }),
    protected_spec: fc.array(fc.constantFrom(...globs), { maxLength: 1 }),
    granted: fc.boolean(),
    carves: fc.array(fc.constantFrom(...globs), { maxLength: 1 }),
    parent_module: fc.option(fc.constantFrom(...names)),
    files: fc.array(fc.tuple(fc.constantFrom(...paths), file, fc.boolean()), { maxLength: 4 }),
    directories: fc.array(fc.tuple(fc.constantFrom('/', '/a', '/b', '/d'), directory), {
      maxLength: 3,
    }),
  });
  return own.map(
    ({ priority, protected_spec, granted, carves, parent_module, files, directories }) => {
      const entries = new Map<string, TreeEntry>();
      const add = (made: TreeEntry) => {
        const above = ancestorPaths(made.path);
        if (
          entries.has(made.path) ||
          above.some((one) => (entries.get(one)?.type ?? 'directory') !== 'directory')
        )
          return;

        for (const one of above)
          if (!entries.has(one))
            entries.set(one, entry(one, 'directory', { uid: owners[0] ?? 0, gid: group }));

        entries.set(made.path, made);
      };

      for (const [path, facts] of directories)
        add(entry(path, 'directory', { ...facts, gid: group }));
      add(entry('/', 'directory', { uid: owners[0] ?? 0, gid: group }));

      for (const [path, facts, link] of files) {
        const { uid, mtime } = facts;
        add(
          link
            ? entry(path, 'symlink', { uid, gid: group, mtime, target: name, size: name.length })
            : fileEntry(name, path, facts),
        );
      }

      return layer(name, priority, [], {
        variety: 'config',
        parent_module,
        protected_spec,
        granted_reservations: granted ? protected_spec : [],
        file_spec: carves,
        mask: carves,
        entries: [...entries.values()].sort((a, b) => compareBytes(a.path, b.path)),
      });
    },
  );
}

const anyLayers = fc
  .uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 4 })
  .chain((chosen) => fc.tuple(...chosen.map(anyLayer)));

function protects(by: CompositionLayer, path: string): boolean {
  const hits = (pattern: string, one: TreeEntry) =>
    matches(compileGlob(pattern), one.path, one.type === 'directory');
  const reserved =
    by.granted_reservations?.some(
      (pattern) => matches(compileGlob(pattern), path, false) || needsDirectory(pattern, path),
    ) ?? false;
  const shipped = by.entries.filter((one) =>
    by.protected_spec.some((pattern) => hits(pattern, one)),
  );

  return (
    reserved || shipped.some((one) => one.path === path || ancestorPaths(one.path).includes(path))
  );
}

/** A directory that another module's pattern itself matches keeps that module's attributes. */
function mayShape(layers: CompositionLayer[], by: CompositionLayer, path: string): boolean {
  const claims = (one: CompositionLayer) =>
    one.entries.some((own) => own.path === path && own.type === 'directory') &&
    one.protected_spec.some((pattern) => matches(compileGlob(pattern), path, true));
  return claims(by) || !layers.some(claims);
}

function carves(by: CompositionLayer, from: CompositionLayer, path: string): boolean {
  if (by.parent_module !== layerName(from)) return false;
  return by.file_spec.some((one) => matches(compileGlob(one), path, false));
}

/**
 * Extracts layers over each other as a reader of the rules would, with nothing but the file system.
 */
function extract(layers: CompositionLayer[], root: string): void {
  const ordered = [...layers].sort(
    (a, b) => a.priority - b.priority || compareBytes(layerName(a), layerName(b)),
  );
  const shapes = new Map<string, TreeEntry>();

  for (const upper of ordered) {
    for (const one of upper.entries) {
      const target = join(root, one.path);
      if (one.type === 'directory') {
        mkdirSync(target, { recursive: true });
        if (mayShape(layers, upper, one.path)) shapes.set(one.path, one);
        continue;
      }

      if (
        layers.some(
          (other) =>
            other !== upper && protects(other, one.path) && !carves(upper, other, one.path),
        )
      )
        continue;

      mkdirSync(dirname(target), { recursive: true });
      rmSync(target, { force: true });
      if (one.type === 'symlink') symlinkSync(one.target ?? '', target);
      else writeFileSync(target, contentOf(layerName(upper), one.path, one.size));
      setAttributes(target, one);
    }
  }

  // Deepest first: writing into a directory changes its time.
  for (const one of [...shapes.values()].reverse().sort((a, b) => b.path.length - a.path.length)) {
    setAttributes(join(root, one.path), one);
  }
}

function setAttributes(target: string, { type, mode, uid, gid, mtime }: TreeEntry): void {
  lchownSync(target, uid, gid);
  if (type !== 'symlink') chmodSync(target, mode);
  lutimesSync(target, mtime, mtime);
}

function composed(layers: CompositionLayer[]): Composition | null {
  try {
    return compose(layers);
  } catch (error) {
    if (isGantryError(error, 'composition_protected_conflict', 'composition_type_conflict'))
      return null;
    throw error;
  }
}

describe('a composition', () => {
  it('images as the directory does into which the layers are extracted in order, by the rules', () => {
    let compared = 0;
    fc.assert(
      fc.property(anyLayers, (layers) => {
        const composition = composed(layers);
        if (composition === null) return;

        const root = mkdtempSync(join(tmpdir(), 'composition-'));
        try {
          extract(layers, root);
          const extracted = imageOfTree(treeFromDirectory(root)).digest;
          expect(composefsImage(composition.entries).digest).toBe(extracted);
          compared++;
        } finally {
          rmSync(root, { recursive: true, force: true });
        }
      }),
      { numRuns: 300 },
    );

    expect(compared).toBeGreaterThan(60);
  });

  it('has the same digest for the same layers in any order', () => {
    const twice = anyLayers.chain((layers) =>
      fc.tuple(fc.constant(layers), fc.shuffledSubarray(layers, { minLength: layers.length })),
    );
    fc.assert(
      fc.property(twice, ([layers, shuffled]) => {
        const first = composed(layers);
        const second = composed(structuredClone(shuffled));

        expect(second === null).toBe(first === null);
        if (first === null || second === null) return;

        expect(composefsImage(second.entries).digest).toBe(composefsImage(first.entries).digest);
      }),
      { numRuns: 300 },
    );
  });
});
