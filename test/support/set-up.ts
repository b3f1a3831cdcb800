import { test } from 'vitest';
import type { Services } from '../../shared/actions/context/index.ts';
import { RegistryClient } from '../../shared/registry/index.ts';
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts';
import { alone, type RegistryProxy, startRegistryProxy } from './flow.ts';
import { World } from './world.ts';

/** What most tests of the flow act in, for a helper that uses several of its parts. */
export interface Flow {
  registry: DockerRegistry;
  /** Reaches the registry past the proxy. */
  client: RegistryClient;
  world: World;
  /** Of the world, with queues that no function reads: nothing happens but what the test does. */
  services: Services;
}

export interface ProxiedFlow extends Flow {
  proxy: RegistryProxy;
}

/**
 * Each part starts with the first test or hook of a file that names it; it stops after the last.
 */
const file = { scope: 'file' } as const;

const registryTest = test
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads here which fixtures this one needs
  .extend('registry', file, async ({}, { onCleanup }) => {
    const registry = await startDockerRegistry();
    onCleanup(registry.stop);
    return registry;
  })
  .extend('client', file, ({ registry }) => new RegistryClient({ host: registry.host }));

/** A world whose modules lie in a registry of its own. */
export const flowTest = registryTest
  .extend('world', file, async ({ registry }, { onCleanup }) => {
    const world = await World.create(registry.host);
    onCleanup(() => world.close());
    return world;
  })
  .extend('services', file, ({ world }) => alone(world.services))
  .extend('flow', file, ({ registry, client, world, services }): Flow => {
    return { registry, client, world, services };
  });

/**
 * The same with a proxy before the registry, at which Gantry finds it: the proxy counts, fails and
 * stalls.
 */
export const proxiedFlowTest = registryTest
  .extend('proxy', file, async ({ registry }, { onCleanup }) => {
    const proxy = await startRegistryProxy(registry.host);
    onCleanup(proxy.stop);
    return proxy;
  })
  .extend('world', file, async ({ proxy }, { onCleanup }) => {
    const world = await World.create(proxy.host);
    onCleanup(() => world.close());
    return world;
  })
  .extend('services', file, ({ world }) => alone(world.services))
  .extend('flow', file, ({ registry, proxy, client, world, services }): ProxiedFlow => {
    return { registry, proxy, client, world, services };
  });
