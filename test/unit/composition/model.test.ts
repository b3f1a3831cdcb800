import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isGantryError } from '../../../shared/base/error.ts';
import { compose } from '../../../shared/composition/index.ts';
import type { CompositionLayer } from '../../../shared/domain/compose/index.ts';
import { ancestorPaths, compareBytes, type TreeEntry } from '../../../shared/domain/files/index.ts';
import { describeEntry, modelComposition } from '../../support/composition-model.ts';
import { entry, layer } from './factory.ts';

/** `GANTRY_CASES=1000000` runs many more. */
const numRuns = Number(process.env.GANTRY_CASES ?? 2000);

const paths = ['/a', '/a/x', '/a/x/1', '/a/y', '/b', '/b/x', '/c', '/c/x/1', '/constructor'];
const globs = ['/a', '/a/x', '/a/x/', '/a/**', '/a/***', 'x', '/b/*', '/c/', '/c/x/1', '/none'];
const grants = ['/a/x', '/a/**', '/b/x', '/b/*', '/c/x/1', '/constructor'];
const names = ['acme/a', 'acme/b', 'acme/B', 'other/a', 'acme/constructor'];

const anyFile = fc.record({
  path: fc.constantFrom(...paths),
  mode: fc.constantFrom(0o600, 0o644),
  link: fc.boolean(),
});
const anyDirectory = fc.record({
  path: fc.constantFrom('/', ...paths),
  mode: fc.constantFrom(0o700, 0o755),
  uid: fc.constantFrom(0, 33),
});

/** A tree of few paths, so that layers meet. What comes later gives way to what is there. */
function treeOf(
  directories: { path: string; mode: number; uid: number }[],
  files: { path: string; mode: number; link: boolean }[],
  links: boolean,
): TreeEntry[] {
  const made = new Map<string, TreeEntry>();
  const add = (one: TreeEntry) => {
    const above = ancestorPaths(one.path);
    if (
      made.has(one.path) ||
      above.some((path) => (made.get(path)?.type ?? 'directory') !== 'directory')
    )
      return;
    for (const path of above) if (!made.has(path)) made.set(path, entry(path, 'directory'));
    made.set(one.path, one);
  };

  for (const { path, mode, uid } of directories) add(entry(path, 'directory', { mode, uid }));
  for (const { path, mode, link } of files)
    add(entry(path, link && links ? 'symlink' : 'file', { mode }));
  add(entry('/', 'directory'));
  return [...made.values()].sort((a, b) => compareBytes(a.path, b.path));
}

const anyLayer = (name: string) =>
  fc
    .record({
      priority: fc.integer({ min: 0, max: 2 }),
      variety: fc.constantFrom('subscription', 'subscription', 'config', 'instance'),
      parent: fc.constantFrom(...names),
      directories: fc.array(anyDirectory, { maxLength: 3 }),
      files: fc.array(anyFile, { maxLength: 5 }),
      protected_spec: fc.uniqueArray(fc.constantFrom(...globs), { maxLength: 2 }),
      carved: fc.array(fc.constantFrom(...globs), { maxLength: 1 }),
      granted: fc.option(fc.constantFrom(...grants), { freq: 4 }),
    })
    .map(({ priority, variety, parent, directories, files, carved, ...made }): CompositionLayer => {
      const granted = made.granted === null ? [] : [made.granted];
      return layer(name, priority, [], {
        variety: variety as CompositionLayer['variety'],
        parent_module: variety === 'config' && parent !== name ? parent : null,
        protected_spec: [...made.protected_spec, ...granted],
        ...(granted.length > 0 ? { granted_reservations: granted } : {}),
        file_spec: carved,
        mask: carved,
        entries: treeOf(directories, files, variety !== 'instance'),
      });
    });

/** At most one layer has reservations: two that meet are compared by patterns, not by paths. */
const anyLayers = fc
  .uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 4 })
  .chain((chosen) => fc.tuple(...chosen.map(anyLayer)))
  .filter((layers) => layers.filter((one) => one.granted_reservations !== undefined).length < 2);

function composed(layers: CompositionLayer[]) {
  try {
    const { entries, instance_files, report } = compose(layers);
    return {
      image: entries.map(describeEntry),
      rendered: instance_files.map(({ module, entry: { path } }) => `${module} ${path}`).sort(),
      dropped: report.dropped.map(
        ({ path, from, because_of }) => [`${from} ${path}`, because_of] as const,
      ),
    };
  } catch (error) {
    if (isGantryError(error)) return error.code;
    throw error;
  }
}

it('composes as a model does that was written from the rules alone', () => {
  const seen = { accepted: 0, refused: 0 };
  fc.assert(
    fc.property(anyLayers, (layers) => {
      const { conflicts, image, rendered, dropped } = modelComposition(layers);
      const found = composed(layers);

      if (typeof found === 'string') {
        seen.refused += 1;
        expect([...conflicts]).toContain(found);
        return;
      }
      seen.accepted += 1;
      expect([...conflicts]).toEqual([]);
      expect(found).toMatchObject({ image, rendered: rendered.sort() });
      expect(found.dropped.map(([file]) => file).sort()).toEqual([...dropped.keys()].sort());
      for (const [file, because_of] of found.dropped)
        expect(dropped.get(file)).toContain(because_of);
    }),
    { numRuns },
  );
  // Both outcomes are common, or the comparison says little.
  expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(numRuns / 20);
});
