import { expect, it } from 'vitest';
import { compose, truncateReport } from '../../../shared/composition/index.ts';
import { layer } from './factory.ts';

const files = Array.from({ length: 20 }, (_, i) => `/etc/f${i}`);
const { report } = compose([
  layer('acme/low', 1, ['/opt/a', '/opt/b', '/opt/c']),
  layer('acme/mid', 2, files),
  layer('acme/top', 3, [...files, '/opt/a', '/opt/b', '/opt/c'], { protected_spec: ['/etc/**'] }),
]);

it('a report is cut by rows and by bytes, and counts the whole', () => {
  const byRows = truncateReport(report, { listMax: 2 });
  expect([byRows.dropped.length, byRows.shadowed.length]).toEqual([2, 2]);

  const byBytes = truncateReport(report, {
    listMax: 2,
    listBytesMax: JSON.stringify(report.dropped[0]).length,
  });
  expect([byBytes.dropped.length, byBytes.shadowed.length]).toEqual([1, 1]);

  for (const { counts } of [byRows, byBytes]) {
    expect(counts).toEqual({ dropped: 20, shadowed: 3, carved_out: 0, warnings: 0 });
  }
});

it('a layer of a truncated report loses only the files that the report lists as dropped', () => {
  const { layers, dropped } = truncateReport(report, { listMax: 2 });
  const masks = layers.map(({ name, effective_mask }) => [name, effective_mask]);

  expect(masks).toEqual([
    ['acme/low', []],
    ['acme/mid', dropped.map(({ path }) => path)],
    ['acme/top', []],
  ]);
});

it('a report within the bounds stays as it is', () => {
  for (const bounds of [{}, { listBytesMax: 1_000_000 }]) {
    const { counts: _, ...whole } = truncateReport(report, bounds);
    expect(whole).toEqual(report);
  }
});
