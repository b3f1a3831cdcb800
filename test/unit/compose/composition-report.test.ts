import { describe, expect, it } from 'vitest';
import {
  type CompositionReport,
  compositionReport,
  type ResolutionRecord,
  resolutionRecord,
} from '../../../shared/domain/compose/index.ts';

const report: CompositionReport = {
  layers: [
    { name: 'acme/redis', version: '1.0.0', priority: 90, files: 2, effective_mask: ['/doc/**'] },
  ],
  dropped: [{ path: '/a', from: 'acme/redis', because_of: 'acme/base' }],
  shadowed: [{ path: '/b', from: 'acme/redis', by: 'acme/web' }],
  carved_out: [{ path: '/c', from: 'acme/base', by: 'acme/redis' }],
  warnings: ['a pattern matches nothing'],
};
const record: ResolutionRecord = {
  assigned: [{ module: 'acme/redis', constraint: null }],
  modules: {
    'acme/redis': {
      version_id: 'ver_1',
      version: '1.0.0',
      assigned: true,
      required_by: [],
      chains: [['acme/redis 1.0.0']],
    },
  },
  capabilities: { 'acme/cache': 'acme/redis' },
  considered: { 'acme/redis': 'digest' },
  settled: true,
};

describe('what is stored of a composition', () => {
  it('reads back as it was written', () => {
    expect(compositionReport.parse(report)).toEqual(report);
    expect(resolutionRecord.parse(record)).toEqual(record);
    const approved = { ...record, approved: { 'other/libc': 'ver_2' } };
    expect(resolutionRecord.parse(approved)).toEqual(approved);
  });

  it('is refused where a field is missing or unknown', () => {
    const [assigned] = record.assigned;
    for (const broken of [
      { ...report, more: 1 },
      { ...report, shadowed: [{ path: '/b', from: 'acme/redis' }] },
    ])
      expect(compositionReport.safeParse(broken).success).toBe(false);

    for (const broken of [
      { ...record, more: 1 },
      { ...record, assigned: [{ ...assigned, constraint: undefined }] },
    ])
      expect(resolutionRecord.safeParse(broken).success).toBe(false);
  });
});
