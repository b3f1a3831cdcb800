import { describe, expect, it } from 'vitest';
import { byDigest } from '../../../shared/actions/machines/index.ts';
import type { Version } from '../../../shared/domain/modules/index.ts';
import { storedVersion } from '../../support/stored.ts';

describe('the versions of a digest', () => {
  const yanked = { yanked: { reason: 'loses writes', by: 'a', at: 'b', operation_id: 'op_1' } };
  const version = (name: string, more: Partial<Version> = {}) => ({
    ...storedVersion('acme', 'redis', name),
    ...more,
  });
  const only = (...versions: Version[]) => [...byDigest(versions).values()];

  it('are marked where they are withheld', () => {
    expect(only(version('1.0.0', { withheld: yanked }))).toEqual([
      { versions: ['1.0.0'], withheld: { kind: 'yanked', reason: 'loses writes' } },
    ]);
    expect(only(version('1.0.0'))).toEqual([{ versions: ['1.0.0'], withheld: null }]);
  });

  it('are not marked while an equal version is offered', () => {
    const [bad, good] = [version('1.0.0', { withheld: yanked }), version('1.0.1')];
    const builds = bad.builds;
    for (const pair of [
      [bad, { ...good, builds }],
      [{ ...good, builds }, bad],
    ])
      expect(only(...pair)).toMatchObject([{ withheld: null }]);
  });
});
