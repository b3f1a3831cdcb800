import { expect, test } from 'vitest';
import { listCells, programsOf } from '../../../scripts/interop/matrix/cells.ts';
import { knownLimits } from '../../../scripts/interop/matrix/limits.ts';
import { nameCell, readSeen } from '../../../scripts/interop/matrix/seen.ts';

const whole = listCells({ only: [], without: [] });

test('a run without a choice has each tool, registry and form, and copies of cosign’s keys', () => {
  const zot = listCells({ only: ['zot'], without: [] });
  expect(zot.map(nameCell).filter((name) => /^(oras|oras-copy) /.test(name))).toEqual([
    'oras zot cosign-key',
    'oras zot cosign-keyless',
    'oras zot cosign2-key',
    'oras zot cosign2-keyless',
    'oras zot gantry-key',
    'oras zot gantry-keyless',
    'oras-copy zot cosign-key',
    'oras-copy zot cosign2-key',
  ]);
  expect(whole.length).toBe(6 * zot.length);
});

test('names choose and leave out on each axis, and only their programs are needed', () => {
  const cells = listCells({ only: ['crane', 'olareg'], without: ['cosign-key', 'gantry-key'] });
  expect(cells.map(nameCell)).toEqual([
    'crane olareg cosign-keyless',
    'crane olareg cosign2-key',
    'crane olareg cosign2-keyless',
    'crane olareg gantry-keyless',
  ]);
  expect([...programsOf(cells)].sort()).toEqual(['crane', 'olareg', 'oras']);
});

test('an unknown name is refused with the known ones', () => {
  expect(() => listCells({ only: ['nexus'], without: [] })).toThrow(
    /^expected names out of gantry, oras, .*, found nexus$/,
  );
});

test('every known limit is about a cell', () => {
  const limited = new Set(whole.map(({ limit }) => limit));
  expect(knownLimits.filter(({ reason }) => !limited.has(reason))).toEqual([]);
});

test('what was seen is about cells of the matrix', () => {
  const names = new Set(whole.map(nameCell));
  expect(Object.keys(readSeen().built).filter((name) => !names.has(name))).toEqual([]);
});
