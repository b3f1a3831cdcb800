import { expect, it } from 'vitest';
import {
  addCluster,
  type MetadataFlags,
  mergeClusters,
  metadataPatch,
  removeCluster,
} from '../../../cli/input/merge.ts';

it.each<[MetadataFlags, Record<string, unknown> | undefined]>([
  [{}, undefined],
  [{ replace: true }, undefined],
  [{ set: ['region=eu'] }, { region: 'eu' }],
  [{ unset: ['port'] }, { port: null }],
  [
    { set: ['a=1'], unset: ['hostname'] },
    { a: 1, hostname: null },
  ],
  [{ set: ['region=eu'], replace: true }, { region: 'eu' }],
  [{ set: ['a=1', 'b=2'], unset: ['a'], replace: true }, { b: 2 }],
  [{ set: ['constructor=x'], replace: true }, { constructor: 'x' }],
])('metadata with %j is changed by %j', (flags, expected) => {
  expect(metadataPatch(flags)).toEqual(expected);
});

it('clusters are added and removed, and the others stay', () => {
  const edits = removeCluster('paris', addCluster('tokyo'));

  expect(mergeClusters(['paris', 'web'], edits, undefined)).toEqual(['web', 'tokyo']);
  expect(mergeClusters(['paris', 'web'], edits, true)).toEqual(['tokyo']);
  expect(mergeClusters(['web'], addCluster('web'), undefined)).toEqual(['web']);
  expect(mergeClusters(['web'], undefined, undefined)).toBeUndefined();
});
