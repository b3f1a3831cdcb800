import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isGantryError } from '../../../shared/base/error.ts';
import {
  compose,
  layerName,
  resolveVersions,
  type VersionChoice,
} from '../../../shared/composition/index.ts';
import type { Composition, CompositionLayer } from '../../../shared/domain/compose/index.ts';
import { ancestorPaths, compareBytes, type TreeEntry } from '../../../shared/domain/files/index.ts';
import { compileGlob, matches } from '../../../shared/files/index.ts';
import { entry, layer, needsDirectory } from './factory.ts';

const paths = ['/a', '/a/x', '/a/y', '/a/x/1', '/b', '/b/x', '/c', '/c/x/1'];
const globs = ['/a', '/a/x', '/a/**', '/a/***', 'x', '/b/*', '/c/', '**', '/nothing'];
const names = ['acme/a', 'acme/b', 'acme/c', 'other/a', 'acme/B'];

const file = fc.record({
  path: fc.constantFrom(...paths),
  mode: fc.constantFrom(0o600, 0o644),
  link: fc.boolean(),
});
const directory = fc.record({
  path: fc.constantFrom('/', ...paths),
  mode: fc.constantFrom(0o700, 0o755),
});

/** A tree of few paths, so that layers meet; later files give way to what is there already. */
const anyTree = fc
  .tuple(fc.array(file, { maxLength: 5 }), fc.array(directory, { maxLength: 3 }))
  .map(([files, directories]) => {
    const entries = new Map<string, TreeEntry>([['/', entry('/', 'directory')]]);
    const add = (path: string, made: TreeEntry) => {
      const above = ancestorPaths(path);
      if (entries.has(path) && path !== '/') return;
      if (above.some((one) => (entries.get(one) ?? made).type !== 'directory' && entries.has(one)))
        return;

      for (const one of above) if (!entries.has(one)) entries.set(one, entry(one, 'directory'));
      entries.set(path, made);
    };

    for (const { path, mode } of directories) add(path, entry(path, 'directory', { mode }));
    for (const { path, mode, link } of files)
      add(path, entry(path, link ? 'symlink' : 'file', { mode }));
    return [...entries.values()].sort((a, b) => compareBytes(a.path, b.path));
  });

const anyLayers = fc
  .uniqueArray(fc.constantFrom(...names), { maxLength: 4 })
  .chain((chosen) => fc.tuple(...chosen.map((name) => anyLayer(name))));

function anyLayer(name: string) {
  return fc
    .record({
      priority: fc.integer({ min: 0, max: 3 }),
      entries: anyTree,
      protected_spec: fc.array(fc.constantFrom(...globs), { maxLength: 2 }),
      granted: fc.boolean(),
      shared: fc.array(fc.constantFrom(...globs), { maxLength: 2 }),
      variety: fc.constantFrom('subscription' as const, 'config' as const, 'instance' as const),
      parent_module: fc.option(fc.constantFrom(...names)),
    })
    .map(({ priority, shared, entries, granted, ...rest }) => {
      // Rendered modules ship regular files; links of theirs are refused, which an example test
      // shows.
      const own =
        rest.variety === 'instance' ? entries.filter((one) => one.type !== 'symlink') : entries;
      return layer(name, priority, [], {
        ...rest,
        entries: own,
        granted_reservations: granted ? rest.protected_spec : [],
        file_spec: ['/z', ...shared],
        mask: [...shared, '/y'],
      });
    });
}

function outcome(layers: CompositionLayer[]): Composition | string {
  try {
    return compose(layers);
  } catch (error) {
    if (isGantryError(error, 'composition_protected_conflict', 'composition_type_conflict'))
      return error.message;
    throw error;
  }
}

const isDirectory = (one: TreeEntry) => one.type === 'directory';

/**
 * Whether `by` owns a path, because it has it or by a grant: computed in another way, one path and
 * one pattern at a time.
 */
function owns(by: CompositionLayer, path: string): boolean {
  if (by.granted_reservations?.some((pattern) => matches(compileGlob(pattern), path, false)))
    return true;
  return by.entries.some((own) => {
    const matched = by.protected_spec.some((pattern) =>
      matches(compileGlob(pattern), own.path, isDirectory(own)),
    );
    return matched && (own.path === path || ancestorPaths(own.path).includes(path));
  });
}

/** Whether `by` keeps others' files away from a path: it owns it, or needs a directory there. */
function protects(by: CompositionLayer, path: string): boolean {
  return (
    owns(by, path) ||
    (by.granted_reservations ?? []).some((pattern) => needsDirectory(pattern, path))
  );
}

function carves(layer: CompositionLayer, from: CompositionLayer, path: string): boolean {
  if (layer.variety !== 'config' || layer.parent_module !== layerName(from)) return false;
  return layer.file_spec.some(
    (one) => layer.mask.includes(one) && matches(compileGlob(one), path, false),
  );
}

/**
 * The rules for files as a reader would apply them by hand: lay the layers over each other, leaving
 * out what is dropped.
 */
function byHand(layers: CompositionLayer[]): Map<string, TreeEntry> {
  const root = new Map<string, TreeEntry>();
  const ordered = [...layers].sort(
    (a, b) => a.priority - b.priority || compareBytes(layerName(a), layerName(b)),
  );

  for (const upper of ordered.filter((one) => one.variety !== 'instance')) {
    for (const one of upper.entries.filter((other) => !isDirectory(other))) {
      const kept = layers.every(
        (other) => other === upper || !protects(other, one.path) || carves(upper, other, one.path),
      );
      if (kept) root.set(one.path, one);
    }
  }

  return root;
}

describe('laws of compose', () => {
  it('gives the same for layers in any order', () => {
    const shuffled = anyLayers.chain((layers) =>
      fc.tuple(fc.constant(layers), fc.shuffledSubarray(layers, { minLength: layers.length })),
    );
    fc.assert(
      fc.property(shuffled, ([layers, others]) => {
        expect(outcome(others)).toEqual(outcome(layers));
      }),
      { numRuns: 2000 },
    );
  });

  it('leaves its arguments alone', () => {
    fc.assert(
      fc.property(anyLayers, (layers) => {
        const before = structuredClone(layers);
        outcome(layers);
        expect(layers).toEqual(before);
      }),
      { numRuns: 500 },
    );
  });

  it('merges as laying the layers over each other by the rules does', () => {
    let composed = 0;
    fc.assert(
      fc.property(anyLayers, (layers) => {
        const result = outcome(layers);
        if (typeof result === 'string') return;

        composed++;
        const files = result.entries.filter((one) => !isDirectory(one));

        expect(new Map(files.map((one) => [one.path, one]))).toEqual(byHand(layers));
        const directories = new Set([
          '/',
          ...layers.flatMap((one) => one.entries.filter(isDirectory).map((own) => own.path)),
        ]);

        expect(result.entries.filter(isDirectory).map((one) => one.path)).toEqual(
          [...directories].sort(compareBytes),
        );
      }),
      { numRuns: 3000 },
    );

    expect(composed).toBeGreaterThan(500);
  });

  it('gives a tree: every path once, in order, its parent a directory before it', () => {
    fc.assert(
      fc.property(anyLayers, (layers) => {
        const result = outcome(layers);
        if (typeof result === 'string') return;

        const types = new Map<string, string>();
        for (const one of result.entries) {
          expect(types.has(one.path)).toBe(false);
          expect(ancestorPaths(one.path).every((above) => types.get(above) === 'directory')).toBe(
            true,
          );
          types.set(one.path, one.type);
        }

        const sorted = result.entries.map((one) => one.path).sort(compareBytes);
        expect(result.entries.map((one) => one.path)).toEqual(sorted);
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps its owner's content at a protected path, unless carved out", () => {
    fc.assert(
      fc.property(anyLayers, (layers) => {
        const result = outcome(layers);
        if (typeof result === 'string') return;

        const carved = new Set(result.report.carved_out.map((one) => one.path));
        for (const owner of layers) {
          for (const own of owner.entries) {
            if (isDirectory(own) || carved.has(own.path) || !owns(owner, own.path)) continue;
            const there =
              owner.variety === 'instance'
                ? result.instance_files.find((one) => one.entry.path === own.path)?.entry
                : result.entries.find((one) => one.path === own.path);

            expect(there).toBe(own);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('accounts for every file: it is there, shadowed or dropped, once', () => {
    fc.assert(
      fc.property(anyLayers, (layers) => {
        const result = outcome(layers);
        if (typeof result === 'string') return;

        const { dropped, shadowed } = result.report;
        for (const one of layers) {
          const name = layerName(one);
          const shipped = one.entries.filter((own) => !isDirectory(own)).map((own) => own.path);
          const gone = [...dropped, ...shadowed]
            .filter((lost) => lost.from === name)
            .map((lost) => lost.path);
          const covered = new Set(result.instance_files.map((own) => own.entry.path));

          const there = [
            ...[...result.owners]
              .filter(([path, owner]) => owner === name && !covered.has(path))
              .map(([path]) => path),
            ...result.instance_files
              .filter((own) => own.module === name)
              .map((own) => own.entry.path),
          ];

          expect([...gone, ...there].sort(compareBytes)).toEqual(shipped);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('laws of resolveVersions', () => {
  const modules = ['acme/a', 'acme/b', 'acme/c', 'acme/d'];
  // Modules require later ones only, which excludes cycles; the last does not exist.
  const acyclic = worldsOf((index) => modules.slice(index + 1));
  const cyclic = worldsOf(() => modules);

  function worldsOf(required: (index: number) => string[]) {
    return fc.tuple(...modules.map((_, index) => versionsOf([...required(index), 'acme/e'])));
  }

  function versionsOf(required: string[]) {
    const one = fc.record({
      module: fc.constantFrom(...required),
      constraint: fc.constantFrom('^1', '^2', '<3', '>=2'),
    });
    return fc.array(fc.array(one, { maxLength: 2 }), { minLength: 1, maxLength: 3 });
  }

  it.each([
    ['without cycles', acyclic],
    ['with cycles', cyclic],
  ])(
    'finds an answer exactly where trying every combination does, and it satisfies every constraint (%s)',
    (_, worlds) => {
      fc.assert(
        fc.property(
          worlds,
          fc.uniqueArray(fc.constantFrom(...modules), { minLength: 1 }),
          (world, assigned) => {
            const available = (module: string): VersionChoice[] =>
              (world[modules.indexOf(module)] ?? [])
                .map(
                  (_, i): VersionChoice => ({
                    id: String(i),
                    version_string: `${i + 1}.0.0`,
                    standing: 'offered',
                  }),
                )
                .reverse();

            const requires = (choice: VersionChoice, module: string) =>
              world[modules.indexOf(module)]?.[Number(choice.id)] ?? [];
            const allows = (constraint: string, choice: VersionChoice) => {
              const major = Number(choice.id) + 1;
              return (
                { '^1': major === 1, '^2': major === 2, '<3': major < 3, '>=2': major >= 2 }[
                  constraint
                ] ?? false
              );
            };

            const reaches = (
              choices: Map<string, VersionChoice>,
              from: string,
              to: string,
              depth = 5,
            ): boolean => {
              const there = choices.get(from);
              const next =
                there === undefined || depth === 0
                  ? []
                  : requires(there, from).map(({ module }) => module);

              return next.some(
                (module) => module === to || reaches(choices, module, to, depth - 1),
              );
            };

            const fits = (choices: Map<string, VersionChoice>) =>
              [...choices.keys()].every((module) => !reaches(choices, module, module)) &&
              [...choices].every(([module, choice]) =>
                requires(choice, module).every(({ module: other, constraint }) => {
                  const there = choices.get(other);
                  return there !== undefined && allows(constraint, there);
                }),
              );

            const everyCombination = (rest: string[], so: Map<string, VersionChoice>): boolean => {
              const [module, ...others] = rest;
              if (module === undefined) return assigned.every((name) => so.has(name)) && fits(so);

              const without = !assigned.includes(module) && everyCombination(others, so);
              return (
                without ||
                available(module).some((choice) =>
                  everyCombination(others, new Map([...so, [module, choice]])),
                )
              );
            };

            const input = {
              account: 'acme',
              assigned: assigned.map((module) => ({ module, constraint: null })),
              available,
              requires,
            };

            try {
              const resolved = resolveVersions(input);
              expect(fits(new Map(resolved.map((one) => [one.module, one.choice])))).toBe(true);
              expect(resolved.every((one) => one.assigned || one.required_by.length > 0)).toBe(
                true,
              );
              expect(resolveVersions({ ...input, assigned: input.assigned.toReversed() })).toEqual(
                resolved,
              );
            } catch (error) {
              if (!isGantryError(error, 'composition_unsatisfied', 'composition_cycle'))
                throw error;
              expect(everyCombination(modules, new Map())).toBe(false);
            }
          },
        ),
        { numRuns: 2000 },
      );
    },
  );
});
