import { describe, expect, test } from 'vitest';
import { compareDebianVersions } from '../../../shared/packages/index.ts';

/** Each list is in rising order, as dpkg --compare-versions says. */
const rising = [
  [
    '1.0~~',
    '1.0~rc1',
    '1.0~rc1+b1',
    '1.0',
    '1.0-1',
    '1.0-1+deb12u1',
    '1.0-2',
    '1.0a',
    '1.0+',
    '1.1',
  ],
  ['7.0', '1:1.0', '2:0.1~', '5:7.0.15-1~deb12u6', '5:7.0.15-1~deb12u7', '5:7.0.15-1', '10:0'],
  ['1.2-3', '1.2-10', '1.10-1', '20240101123456789012345', '20240101123456789012346'],
];

describe('comparing versions of packages', () => {
  test.each(rising)('%s is below all that follow', (...versions) => {
    for (const [at, lower] of versions.entries()) {
      expect(compareDebianVersions(lower, lower)).toBe(0);
      for (const higher of versions.slice(at + 1)) {
        expect(compareDebianVersions(lower, higher)).toBeLessThan(0);
        expect(compareDebianVersions(higher, lower)).toBeGreaterThan(0);
      }
    }
  });

  test('leading zeros and an absent revision count as nothing', () => {
    expect(compareDebianVersions('1.01', '1.1')).toBe(0);
    expect(compareDebianVersions('1.0', '0:1.0-0')).toBe(0);
  });
});
