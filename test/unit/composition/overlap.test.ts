import { expect, it } from 'vitest';
import { overlapWarnings } from '../../../shared/composition/overlap.ts';
import type { CompositionLayer } from '../../../shared/domain/compose/index.ts';
import { commonPath, compileGlob, type Glob } from '../../../shared/files/index.ts';
import { layer } from './factory.ts';

const protecting = (name: string, patterns: string[], more: Partial<CompositionLayer> = {}) =>
  layer(name, 1, [], { protected_spec: patterns, ...more });

/** What each warning names: pattern and layer, twice. */
const namedIn = (layers: CompositionLayer[]) =>
  overlapWarnings(layers).map((warning) =>
    /^protected_spec "(.+)" of (\S+) and "(.+)" of (\S+) overlap/.exec(warning)?.slice(1),
  );

it('patterns overlap whatever stands between them, and the lower layer is named first', () => {
  const layers = [
    protecting('acme/a', ['/b/x*']),
    protecting('acme/b', ['/a/*', '/c/*']),
    protecting('acme/c', ['/b/*']),
  ];
  expect(namedIn(layers)).toEqual([['/b/x*', 'acme/a', '/b/*', 'acme/c']]);
  expect(namedIn(layers.toReversed())).toEqual([['/b/*', 'acme/c', '/b/x*', 'acme/a']]);
});

it('equal patterns of several layers overlap in the order of the layers', () => {
  const layers = ['acme/c', 'acme/a', 'acme/b'].map((name) => protecting(name, ['/etc/**']));
  expect(namedIn(layers).map((named) => [named?.[1], named?.[3]])).toEqual([
    ['acme/c', 'acme/a'],
    ['acme/c', 'acme/b'],
    ['acme/a', 'acme/b'],
  ]);
});

it('a pattern that matches at any depth overlaps with one that starts at the root', () => {
  const layers = [protecting('acme/a', ['**/ssl/key']), protecting('acme/b', ['/etc/ssl/key'])];
  expect(namedIn(layers)).toHaveLength(1);
});

it('a pattern that a layer has twice overlaps once, and never with its own', () => {
  const layers = [
    protecting('acme/a', ['/etc/**', '/etc/**', '/etc/x']),
    protecting('acme/b', ['/etc/x']),
  ];
  expect(namedIn(layers).map((named) => named?.[0])).toEqual(['/etc/**', '/etc/x']);
});

const child = {
  variety: 'config',
  parent_module: 'acme/a',
  file_spec: ['/etc/x', '/etc/y'],
  mask: ['/etc/x'],
} as const;

it.each<[string, Partial<CompositionLayer>, number]>([
  ['a config layer that carves something out', {}, 0],
  ['a layer of another variety', { variety: 'subscription' }, 1],
  ['a config layer of another parent', { parent_module: 'acme/other' }, 1],
  ['a config layer that carves out nothing', { mask: ['/etc/z'] }, 1],
])('%s beside its parent has as many warnings', (_what, more, warnings) => {
  const carving = protecting('acme/c', ['/etc/**'], {
    ...child,
    file_spec: [...child.file_spec],
    mask: [...child.mask],
    ...more,
  });
  const parent = protecting('acme/a', ['/etc/**']);
  expect(overlapWarnings([parent, carving])).toHaveLength(warnings);
  expect(overlapWarnings([carving, parent])).toHaveLength(warnings);
});

it('says where it compared only a part of the patterns', () => {
  const long = 'x'.repeat(40);
  const many = (name: string) =>
    protecting(
      name,
      Array.from({ length: 40 }, (_, n) => `/etc/*${long}${name}${n}`),
    );
  expect(overlapWarnings([many('acme/a'), many('acme/b')])).toEqual([
    'there are more patterns of protected_spec than were compared',
  ]);
});

it('does not warn of patterns that are too complex to compare', () => {
  const layers = ['a', 'b'].map((letter) =>
    protecting(`acme/${letter}`, [`/${`*${letter}`.repeat(260)}*`]),
  );
  const [a, b] = layers.map(({ protected_spec: [source = ''] }) => compileGlob(source));
  expect(() => commonPath(a as Glob, b as Glob)).toThrow(
    expect.objectContaining({ code: 'glob_too_complex' }),
  );
  expect(overlapWarnings(layers)).toEqual([]);
});
