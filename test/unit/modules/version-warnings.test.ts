import { expect, test } from 'vitest';
import { type VersionBuild, warnOfVersion } from '../../../shared/domain/modules/index.ts';
import { manifestOf } from '../../support/manifests.ts';

const build = (platform: string, entries: number): VersionBuild => ({
  platform,
  entries,
  manifest_digest: 'sha256:a',
  layer_digest: 'sha256:b',
  layer_size: 1,
  composefs_digest: 'sha256:c',
  file_index_key: 'k',
});
const row = { category: 'userland' };

test('a version with files of the registered category is not warned of', () => {
  const manifest = manifestOf('a', { category: 'userland' });
  expect(warnOfVersion({ kind: 'node', builds: [build('any', 2)], manifest }, row)).toEqual([]);
});

test('a build with nothing but its root is named by its platform', () => {
  const builds = [build('debian-12-amd64', 1), build('debian-12-arm64', 9)];
  const version = { kind: 'node' as const, builds, manifest: manifestOf('a') };
  expect(warnOfVersion(version, null)).toEqual([
    'Ships nothing for debian-12-amd64: its layer has no file and no directory.',
  ]);
  expect(warnOfVersion({ ...version, kind: 'platform' }, null)).toEqual([]);
});

test('another category than the registered one is named', () => {
  const manifest = manifestOf('a', { category: 'workloads' });
  expect(warnOfVersion({ kind: 'node', builds: [build('any', 2)], manifest }, row)).toEqual([
    'Written for the category "workloads", and registered in "userland", which decides.',
  ]);
});
