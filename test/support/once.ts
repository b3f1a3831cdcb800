import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { Services } from '../../shared/actions/context/index.ts';
import type { IngestMessage } from '../../shared/contract/messages.ts';
import type { RegistryClient } from '../../shared/registry/index.ts';
import { allVersions, listProviders } from '../../shared/store/modules/index.ts';
import { allEventsOf, moduleTar, offSchedule, pushLayers, sha256, signDigest } from './flow.ts';
import { directoryEntry, fileEntry } from './trees.ts';
import type { AuthorKey, World } from './world.ts';

/** Where modules are published, and who looks after what becomes of them. */
export interface Stage {
  world: World;
  services: Services;
  client: RegistryClient;
  key: AuthorKey;
}

/**
 * Publishes a module with one file of random bytes; answers the artifact's digest and its layer's.
 */
export async function publishRandom(
  { world, services, client, key }: Stage,
  name: string,
  bytes = 5000,
): Promise<{ digest: string; layer: string }> {
  await world.register(name, key);
  await offSchedule(services, world.account, name);

  const repository = `${world.account}/${name}`;
  const content = randomBytes(bytes);
  const dependencies = { provides: [`${name}-service`] };
  const manifest = JSON.stringify({ schema_version: 1, name, file_spec: ['/**'], dependencies });

  const tar = await moduleTar(
    manifest,
    [directoryEntry('/'), fileEntry('/content', content)],
    new Map([['/content', content]]),
  );

  const { digest } = await pushLayers(client, repository, 'v1.0.0', [{ bytes: tar }]);
  await signDigest(client, repository, digest, key);
  return { digest, layer: sha256(tar) };
}

export function messageOf(world: World, name: string, digest: string): IngestMessage {
  return { account: world.account, module: name, version_id: world.id(name, digest) };
}

/** One version, told once at each stage. */
export async function expectOnce(
  { world, services }: Stage,
  name: string,
  digest: string,
): Promise<void> {
  expect(await allVersions(services.db, world.account, name)).toMatchObject([
    { id: world.id(name, digest), promotion_state: 'built', version_string: '1.0.0' },
  ]);
  expect(await listProviders(services.db, world.account, `${name}-service`)).toEqual([name]);

  expect(await world.candidate(name, digest)).toMatchObject({
    state: 'ingested',
    code: null,
    next_verify_at: null,
  });

  const events = await allEventsOf(services, world.account);
  const subject = `version/${world.id(name, digest)}`;

  for (const type of [
    'gantry.candidate.found',
    'gantry.candidate.verified',
    'gantry.version.ingested',
  ] as const) {
    const count = events.filter((event) => event.type === type && event.subject === subject).length;
    expect([type, count]).toEqual([type, 1]);
  }
}

/** Expects that nothing shows the module: no version, in no list, under no name. */
export async function expectNothing(
  { world, services }: Stage,
  name: string,
  digest: string,
): Promise<void> {
  expect(await world.version(name, digest)).toBeNull();
  expect(await allVersions(services.db, world.account, name)).toEqual([]);
  expect((await world.candidate(name, digest))?.state).not.toBe('ingested');
}
