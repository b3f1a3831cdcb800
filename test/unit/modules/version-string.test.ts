import { describe, expect, test } from 'vitest';
import {
  compareVersions,
  mayBeVersion,
  offeredVersionString,
  readTag,
  versionStringOf,
  wholeTagOf,
} from '../../../shared/domain/modules/index.ts';

const commit = '0123456789abcdef0123456789abcdef01234567';
const sha256 = 'a'.repeat(64);

describe('the meaning of a tag', () => {
  test.each([
    ['1.2.3', '1.2.3'],
    ['v1.2.3', '1.2.3'],
    // helm/helm#10250, fluxcd/helm-controller#1099, fluxcd/source-controller#1834: `_` for `+`.
    ['v1.2.3_build.4', '1.2.3+build.4'],
    ['1.0.0-20240115.150000', '1.0.0-20240115.150000'],
    [`1.0.0-${'a'.repeat(122)}`, `1.0.0-${'a'.repeat(122)}`],
  ])('%s is a version', (tag, version_string) => {
    expect(readTag(tag)).toEqual({ kind: 'version', version_string });
  });

  test.each([commit, sha256, '4f3e59a', 'deadbeef'])('%s is a commit', (tag) => {
    const version_string = `0.0.0+git.${tag.slice(0, 12)}`;
    expect(readTag(tag)).toEqual({ kind: 'commit', version_string });
  });

  // voidzero-dev/vite-plus#628, swiftlang/swift-syntax#2845: a date is a commit only where the
  // registration says so.
  test.each(['20240115', '1234567', '1'.repeat(64)])('%s is a commit for few modules', (tag) => {
    const version_string = `0.0.0+git.${tag.slice(0, 12)}`;
    expect(readTag(tag)).toEqual({ kind: 'digits', version_string });
  });

  test.each([`sha256-${sha256}`, `sha256-${sha256}.sig`, `sha256-${sha256}.att`])(
    '%s is a signature',
    (tag) => {
      expect(readTag(tag)).toEqual({ kind: 'signature' });
    },
  );

  test.each([
    '',
    'latest',
    // dtolnay/semver#264: leading zeros are no semantic version.
    '2024.01.15',
    '1.0.0-20240115.093000',
    '123456',
    '4f3e59',
    '4F3E59A',
    'dispatched-4f3e59a',
    '1.0.0 ',
    '+1.0.0',
    'vv1.0.0',
    '1.0.0+build',
    `1.0.0-${'a'.repeat(123)}`,
    `f${commit}`,
    `${commit}f`,
    `f${sha256}`,
    `${sha256}f`,
    `x${commit}`,
    `x${sha256}`,
    `sha256-${sha256}.sigs`,
    'sha256-a',
    `x-sha256-${sha256}`,
  ])('"%s" is none', (tag) => {
    expect(readTag(tag)).toEqual({ kind: 'ignored' });
  });
});

describe('the version string of tags', () => {
  test.each([
    [['v1.0.0', 'v2.0.0'], '1.0.0'],
    [[commit, 'v2.0.0'], '2.0.0'],
    [[commit], '0.0.0+git.0123456789ab'],
    [['latest', commit], '0.0.0+git.0123456789ab'],
    [['1234567'], '0.0.0+git.1234567'],
    [['4f3e59a', `4f3e59a${commit.slice(7)}`, '4f3e59a7'], '0.0.0+git.4f3e59a789ab'],
    [['v1.0.0-amd64', 'v1.0.0'], '1.0.0'],
    [['v1.0.0-amd64'], '1.0.0-amd64'],
    [['latest'], ''],
    [[], ''],
  ])('%j is "%s"', (tags, version) => {
    expect(versionStringOf(tags)).toBe(version);
  });
});

describe('the tag of the whole', () => {
  test.each([
    ['v1.0.0-amd64', 'v1.0.0'],
    ['1.2.3-rc.1-arm64', '1.2.3-rc.1'],
    ['v1.0.0-linux-amd64', 'v1.0.0'],
    ['v1.0.0-arm-v7', 'v1.0.0'],
    ['v1.0.0-armv6', 'v1.0.0'],
    ['v1.0.0_b1-x86_64', 'v1.0.0_b1'],
    ['v1.0.0', null],
    ['v1.0.0-rc.1', null],
    ['v1.0.0-amd64.1', null],
    ['latest-amd64', null],
    ['-amd64', null],
    ['4f3e59a-amd64', null],
  ])('of %s is %s', (tag, whole) => {
    expect(wholeTagOf(tag)).toBe(whole);
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

test.each([
  ['1.0.0', '1.0.0', true],
  ['1.0.0+b1', '1.0.0+b1', true],
  ['1.0.0', '1.0.1', false],
  ['nightly', '1.0.0', false],
  ['1.0.0', '0.0.0+git.0123456789ab', true],
])('an image whose label states %s may be version %s: %s', (stated, version_string, may) => {
  expect(mayBeVersion(stated, version_string)).toBe(may);
});

test.each([
  ['1.9.0', '2026-01-02', '1.10.0', '2026-01-01', -1],
  ['2.0.0', '2026-01-01', '1.10.0', '2026-01-02', 1],
  ['1.0.0', '2026-01-01', '1.0.0', '2026-01-02', -1],
  ['1.0.0', '2026-01-02', '1.0.0', '2026-01-01', 1],
  ['1.0.0', '2026-01-01', '1.0.0', '2026-01-01', 0],
])('%s of %s and %s of %s: %d', (one, one_at, other, other_at, order) => {
  const [a, b] = [
    { version_string: one, ingested_at: one_at },
    { version_string: other, ingested_at: other_at },
  ];
  expect(compareVersions(a, b)).toBe(order);
});
