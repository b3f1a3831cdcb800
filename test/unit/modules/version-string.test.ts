import { describe, expect, test } from 'vitest';
import { offeredVersionString, versionStringOf } from '../../../shared/domain/modules/index.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';

describe('the version string of tags', () => {
  test.each([
    [['v1.0.0', 'v2.0.0'], '1.0.0'],
    [[commit, 'v2.0.0'], '2.0.0'],
    [[commit], '0.0.0+git.0123456789ab'],
    [['latest'], ''],
    [[], ''],
  ])('%j is "%s"', (tags, version) => {
    expect(versionStringOf(tags)).toBe(version);
  });
});

describe('a further tag', () => {
  const built = {
    promotion_state: 'built',
    version_string: '0.0.0+git.0123456789ab',
    labels: null,
  } as const;

  const labels = { title: 'Redis', version: '1.0.0', module_id: 'redis' };

  test('names what only a commit named so far', () => {
    expect(offeredVersionString(built, 'v1.0.0')).toBe('1.0.0');
    expect(offeredVersionString({ ...built, labels }, 'v1.0.0')).toBe('1.0.0');
  });

  test.each([
    ['is no semver tag', built, commit],
    ['comes to a version that has a name', { ...built, version_string: '0.9.0' }, 'v1.0.0'],
    ['comes to a version that was promoted', { ...built, promotion_state: 'staging' }, 'v1.0.0'],
    ['is not what the label of the image says', { ...built, labels }, 'v2.0.0'],
  ] as const)('offers no name where it %s', (_, version, tag) => {
    expect(offeredVersionString(version, tag)).toBeNull();
  });
});
