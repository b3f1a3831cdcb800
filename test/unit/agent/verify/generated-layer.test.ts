import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isGantryError } from '../../../../shared/base/error.ts';
import type { ManifestService, ModuleManifest } from '../../../../shared/domain/modules/index.ts';
import { long } from '../redis-module.ts';
import { World } from '../world.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
  await world.enroll();
});
afterEach(() => world.stop());

const units = 'usr/lib/systemd/system';
const inRoot = (path: string) => join(world.dir, 'current', path);
const inStore = (path: string) => join(world.dir, 'store', path);

const publish = async (version: number, manifests: Record<string, Partial<ModuleManifest>>) => {
  const modules = await Promise.all(
    Object.entries(manifests).map(([name, manifest]) =>
      world.module({ name, manifest, files: { [`/usr/bin/${name}`]: long } }),
    ),
  );
  await world.publish({ modules, version });
};

it('the machine makes the generated layer that the control plane signed', async () => {
  await publish(1, {
    web: {
      services: [{ name: 'api', start_command: '/usr/bin/web --share 50%', user: 'web' }],
      users: [{ name: 'web', uid: 700 }],
    },
    worker: { services: [{ name: 'queue', start_command: '/usr/bin/worker' }] },
  });

  expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
  expect(await readFile(inRoot(`${units}/gantry-web:api.service`), 'utf8')).toContain('50%%');
  expect(await readlink(inRoot(`${units}/api.service`))).toBe('gantry-web:api.service');
  expect(await readFile(inRoot('etc/passwd'), 'utf8')).toMatch(/^web:x:700:/m);
  expect((await stat(inRoot('etc/shadow'))).mode & 0o007).toBe(0);
  expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });

  // A mounted root reads its generated files from the store, which keeps those it needs.
  await publish(2, { worker: { services: [{ name: 'queue', start_command: '/usr/bin/worker' }] } });
  expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
  await publish(3, { worker: {} });
  expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });

  const [record, ...others] = (await readdir(inStore('generated'))).sort();
  expect(others.length).toBeLessThanOrEqual(1);
  expect(record).toMatch(/^[0-9a-f]{64}\.json$/);
});

it('a desired state with another service than its modules declare is refused', async () => {
  const files = { '/usr/bin/web': long };
  const module = await world.module({ name: 'web', files });
  const services: ManifestService[] = [{ name: 'evil', start_command: '/usr/bin/web' }];
  const manifest = { ...module.layer.manifest, services } as ModuleManifest;
  await world.publish({
    modules: [{ ...module, layer: { ...module.layer, manifest } }],
    version: 1,
  });

  const { report } = await world.run();
  expect(report).toMatchObject({ code: 'composition_mismatch', composition_digest: null });
});

it('machine and control plane agree, whatever modules declare', async () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((one) => !/\p{Cc}/u.test(one));
  const service = fc.record({
    name: fc.constantFrom('a', 'b', 'c'),
    start_command: text.map((one) => `/usr/bin/x ${one}`),
    env: fc.dictionary(fc.constantFrom('A', 'B'), text),
  });
  const manifest = fc.record({
    services: fc.uniqueArray(service, { maxLength: 3, selector: ({ name }) => name }),
  });
  let version = 0;
  let applied = 0;

  const property = fc.asyncProperty(manifest, manifest, async (first, second) => {
    version += 1;
    try {
      await publish(version, { first, second });
    } catch (error) {
      // What the control plane refuses reaches no machine.
      if (!isGantryError(error)) throw error;
      return;
    }
    const { report } = await world.run();
    expect(report).toMatchObject({ code: null, desired_state_version: version });
    applied += 1;
  });
  await fc.assert(property, { numRuns: 8 });
  expect(applied).toBeGreaterThan(0);
});
