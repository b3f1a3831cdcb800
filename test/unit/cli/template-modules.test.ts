import { describe, expect, it } from 'vitest';
import { moduleNote } from '../../../cli/output/template-modules.ts';

describe('what a table of modules says of a version', () => {
  const row: Parameters<typeof moduleNote>[0] = {
    track: 'live',
    module: 'other/feed',
    version: '1.0.0',
    version_id: 'ver_1',
    assigned: true,
    withheld: null,
    pinned: false,
    proposal: null,
    rejected: [],
  };

  it('is nothing for a version that machines get', () => {
    expect(moduleNote(row)).toBe('');
  });

  it('is that an assigned module has none on the track', () => {
    expect(moduleNote({ ...row, version: null, version_id: null })).toBe(
      'has no version for track live',
    );
  });

  it.each(['yanked', 'quarantined', 'held', 'retired'] as const)('is why it is %s', (kind) => {
    expect(moduleNote({ ...row, withheld: { kind, reason: 'loses feeds' } })).toBe(
      `${kind}: loses feeds`,
    );
  });

  it('is what is proposed and what was rejected, after what withholds it', () => {
    const proposal = { version: '1.2.0', operation_id: 'op_1', state: 'awaiting_approval' };
    const withheld = { kind: 'yanked', reason: 'loses feeds' } as const;
    expect(moduleNote({ ...row, withheld, pinned: true, proposal, rejected: ['1.1.0'] })).toBe(
      'yanked: loses feeds; pinned; 1.2.0 proposed by op_1 (awaiting_approval); rejected: 1.1.0',
    );
  });

  it('leaves out what was rejected once and then let in', () => {
    const proposal = { version: '1.0.0', operation_id: 'op_1', state: 'rejected' };
    const rejected = ['0.9.0', '1.0.0'];
    expect(moduleNote({ ...row, pinned: true, proposal, rejected })).toBe(
      'pinned; rejected: 0.9.0',
    );
  });
});
