import { expect, it } from 'vitest';
import {
  addCluster,
  type MetadataFlags,
  mergeClusters,
  mergeMetadata,
  removeCluster,
} from '../../../cli/input/merge.ts';

const present = { hostname: 'web-1', port: 80 };

it.each<[MetadataFlags, Record<string, unknown> | undefined]>([
  [{}, undefined],
  [{ replace: true }, undefined],
  [{ set: ['region=eu'] }, { hostname: 'web-1', port: 80, region: 'eu' }],
  [{ set: ['port=81'] }, { hostname: 'web-1', port: 81 }],
  [{ unset: ['port'] }, { hostname: 'web-1' }],
  [{ unset: ['absent'] }, present],
  [
    { set: ['a=1'], unset: ['hostname'] },
    { port: 80, a: 1 },
  ],
  [{ set: ['region=eu'], replace: true }, { region: 'eu' }],
  [{ set: ['constructor=x'], replace: true }, { constructor: 'x' }],
])('metadata with %j is %j', (flags, expected) => {
  expect(mergeMetadata(present, flags)).toEqual(expected);
});

it('clusters are added and removed, and the others stay', () => {
  const edits = removeCluster('paris', addCluster('tokyo'));

  expect(mergeClusters(['paris', 'web'], edits, undefined)).toEqual(['web', 'tokyo']);
  expect(mergeClusters(['paris', 'web'], edits, true)).toEqual(['tokyo']);
  expect(mergeClusters(['web'], addCluster('web'), undefined)).toEqual(['web']);
  expect(mergeClusters(['web'], undefined, undefined)).toBeUndefined();
});
