import { afterAll, beforeAll, expect, test } from 'vitest';
import { World } from '../world.ts';

const sbom = {
  mediaType: 'application/vnd.cyclonedx+json',
  digest: `sha256:${'1'.repeat(64)}`,
  size: 2,
};
const moduleLayer = { ...sbom, mediaType: 'application/vnd.powernode.module.v1+tar' };
const files = { '/srv/index.html': 'a page' };
let world: World;
let version = 0;

beforeAll(async () => {
  world = await World.start();
  await world.enroll();
});
afterAll(() => world.stop());

test.each([
  ['a bill of materials beside its layer', { layers: [sbom] }, 'applied'],
  [
    'an index with an entry that nobody can read',
    { index: true, entries: [{ artifactType: 'x', size: '12' }, null] },
    'applied',
  ],
  ['a second layer', { layers: [moduleLayer] }, 'refused'],
  ['a second layer of no known type', { layers: [{ ...sbom, mediaType: 'x/y' }] }, 'refused'],
])('a machine judges a module with %s as ingest does', async (_, options, status) => {
  const module = await world.module({ name: 'site', files, ...options });
  await world.publish({ modules: [module], version: ++version });

  const { report } = await world.run();
  expect(report.status).toBe(status);
  if (status === 'refused') expect(report.code).toBe('layer_mismatch');
});
