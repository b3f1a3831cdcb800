import type { Module } from './machine-content.ts';
import type { World } from './world.ts';

/** Long enough to be in the store: shorter content is in the image. */
export const long =
  'a configuration of more than sixty-four bytes, so that it lies in the store and not in the image\n';

/** A module with each kind of file; its files say its version. */
export async function redisModule(world: World, version = '7'): Promise<Module> {
  return await world.module({
    name: 'my-redis',
    files: {
      '/etc/redis/redis.conf': `${long}version ${version}\n`,
      '/usr/bin/redis': { mode: 0o755, content: `#!/bin/sh\necho ${version}\n` },
      '/etc/redis/link': { target: '/etc/redis/redis.conf' },
      '/etc/redis/empty': '',
      '/var/lib/redis/seed': 'seed',
    },
  });
}
