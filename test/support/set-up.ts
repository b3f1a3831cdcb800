import { afterAll } from 'vitest';
import type { Services } from '../../shared/actions/context/index.ts';
import { RegistryClient } from '../../shared/registry/index.ts';
import { type DockerRegistry, startDockerRegistry } from './docker-registry.ts';
import { alone, type RegistryProxy, startRegistryProxy } from './flow.ts';
import { World } from './world.ts';

/**
 * What most tests of the flow act in. A test file sets it up for itself and holds it until its last
 * test.
 */
export interface FlowSetUp {
  registry: DockerRegistry;
  /** Reaches the registry past the proxy. */
  client: RegistryClient;
  world: World;
  /** Of the world, with queues that no function reads: nothing happens but what the test does. */
  services: Services;
}

/** A world whose modules lie in a registry of its own. */
export async function setUpFlow(): Promise<FlowSetUp> {
  const registry = await startDockerRegistry();
  afterAll(registry.stop);
  return { registry, ...(await setUpWorld(registry, registry.host)) };
}

/**
 * The same with a proxy before the registry, at which Gantry finds it: the proxy counts, fails and
 * stalls.
 */
export async function setUpProxiedFlow(): Promise<FlowSetUp & { proxy: RegistryProxy }> {
  const registry = await startDockerRegistry();
  afterAll(registry.stop);

  const proxy = await startRegistryProxy(registry.host);
  afterAll(proxy.stop);
  return { registry, proxy, ...(await setUpWorld(registry, proxy.host)) };
}

async function setUpWorld(registry: DockerRegistry, host: string) {
  const world = await World.create(host);
  afterAll(() => world.close());
  const client = new RegistryClient({ host: registry.host });
  return { client, world, services: await alone(world.services) };
}
