import { expect, it } from 'vitest';
import {
  chooseSbom,
  collectPackages,
  comparePackages,
} from '../../../shared/domain/modules/index.ts';
import { packageLines } from '../../../shared/domain/operations/index.ts';

const before = collectPackages([
  { name: 'libc6', version: '2.36-9' },
  { name: 'nginx', version: '1.22.1-9' },
  { name: 'curl', version: null },
]);
const after = collectPackages([
  { name: 'nginx', version: '1.22.1-9+deb12u1' },
  { name: 'redis', version: '5:7.0.15-1' },
  { name: 'libc6', version: '2.36-9' },
  { name: 'libc6', version: '2.36-9' },
]);

it('packages differ by name and version, in the order of their names', () => {
  const difference = comparePackages('dpkg', before, after);
  expect(difference).toEqual({
    source: 'dpkg',
    added: [{ name: 'redis', version: '5:7.0.15-1' }],
    removed: [{ name: 'curl', version: null }],
    changed: [{ name: 'nginx', was: '1.22.1-9', now: '1.22.1-9+deb12u1' }],
  });
  expect(packageLines(difference, 10)).toEqual({
    added: ['redis 5:7.0.15-1'],
    removed: ['curl'],
    changed: ['nginx 1.22.1-9 → 1.22.1-9+deb12u1'],
    more: 0,
  });
});

it('lines beyond the limit are counted', () => {
  const many = collectPackages(
    Array.from({ length: 5 }, (_, n) => ({ name: `p${n}`, version: '1' })),
  );
  expect(packageLines(comparePackages('sbom', new Map(), many), 2)).toMatchObject({
    added: ['p0 1', 'p1 1'],
    more: 3,
  });
});

it('several versions of one name are compared together', () => {
  const several = collectPackages([
    { name: 'semver', version: '7.6.0' },
    { name: 'semver', version: '5.7.2' },
  ]);
  expect(comparePackages('sbom', several, several).changed).toEqual([]);
  expect([...several]).toEqual([['semver', '5.7.2, 7.6.0']]);
});

const sbom = { packages: 1, licenses: [], more_licenses: 0 };
const documents = [
  { id: 'provenance', kind: 'provenance', platform: null },
  { id: 'unreadable', kind: 'sbom', platform: null },
  { id: 'arm64', kind: 'sbom', platform: 'debian-12-arm64', sbom },
  { id: 'whole', kind: 'sbom', platform: null, sbom },
  { id: 'amd64', kind: 'sbom', platform: 'debian-12-amd64', sbom },
] as const;

it.each([
  [null, 'arm64'],
  ['debian-12-amd64', 'amd64'],
  ['debian-13-amd64', 'whole'],
])('the SBOM for the platform %s is %s', (platform, id) => {
  expect(chooseSbom(documents, platform)?.id).toBe(id);
});

it('an SBOM that is not understood is chosen only alone, and none of another platform', () => {
  expect(chooseSbom(documents.slice(0, 2), null)?.id).toBe('unreadable');
  expect(chooseSbom(documents.slice(2, 3), 'debian-12-amd64')).toBeNull();
});
