import {
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { long, redisModule } from './redis-module.ts';
import { World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
  await world.enroll();
});
afterEach(() => world.stop());

function inRoot(path: string): string {
  return join(world.dir, 'current', path);
}

describe('a tick with a good desired state', () => {
  it('runs what has the names of the properties that every object inherits', async () => {
    const names = ['constructor', 'toString', 'hasOwnProperty', 'valueOf'];
    const metadata = Object.fromEntries(names.map((name) => [name, `<${name}>`]));
    // The only one of these names that a module can have.
    const module = await world.module({ name: 'constructor', files: { '/srv/toString': long } });

    const text = names.map((name) => `\${instance.${name}}`).join(' ');
    const files = { '/etc/greeting': text };
    const greeting = await world.module({ name: 'greeting', files, variety: 'instance' });
    await world.publish({ modules: [module, greeting], version: 1, metadata });

    const { report } = await world.run();
    expect(report).toMatchObject({ status: 'applied', code: null });
    expect(report.running_module_digests).toEqual({
      constructor: module.layer.composefs_digest,
      greeting: greeting.layer.composefs_digest,
    });
    expect(await readFile(inRoot('etc/greeting'), 'utf8')).toBe(Object.values(metadata).join(' '));
    expect(await readFile(inRoot('srv/toString'), 'utf8')).toBe(long);
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
  });

  it('lays it out, switches to it and reports what runs', async () => {
    const module = await redisModule(world);
    const tools = await world.module({
      name: 'tools',
      account: 'umbrella',
      files: { '/usr/bin/tool': long },
      index: true,
    });

    await world.publish({ modules: [module, tools], version: 1, metadata: { hostname: 'one' } });
    const { report, generation } = await world.run();

    expect(report).toMatchObject({
      status: 'applied',
      code: null,
      message: null,
      health: 'healthy',
      desired_state_version: 1,
    });

    expect(report.running_module_digests).toEqual({
      'my-redis': module.layer.composefs_digest,
      'umbrella/tools': tools.layer.composefs_digest,
    });
    expect(generation).toBe(1);
    expect(world.reports).toEqual([report]);
    expect(await readlink(join(world.dir, 'current'))).toBe('generations/1');
    expect(await readFile(inRoot('etc/redis/redis.conf'), 'utf8')).toBe(`${long}version 7\n`);
    expect((await stat(inRoot('usr/bin/redis'))).mode & 0o7777).toBe(0o755);
    expect((await stat(inRoot('usr/bin/redis'))).mtimeMs).toBe(1_700_000_000_000);
    expect(await readlink(inRoot('etc/redis/link'))).toBe('/etc/redis/redis.conf');
    expect((await stat(inRoot('etc/redis/empty'))).size).toBe(0);
    expect(JSON.parse(await readFile(inRoot('run/gantry/metadata.json'), 'utf8'))).toEqual({
      instance: { hostname: 'one' },
      modules: {},
    });

    const image = `${report.composition_digest?.slice(7)}.erofs`;
    expect((await stat(join(world.dir, 'images', image))).size).toBeGreaterThan(0);
    expect((await stat(join(world.dir, 'agent/key.pem'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(world.dir, 'agent/credential'))).mode & 0o777).toBe(0o600);
  });

  it('leaves out what is reserved for another module, and refuses to where the signed state does not say so', async () => {
    const vault = await world.module({
      name: 'vault',
      files: { '/usr/bin/vault': 'x' },
      protected_spec: ['/etc/vault/**'],
    });

    vault.layer.granted_reservations = ['/etc/vault/**'];
    const site = await world.module({
      name: 'site',
      files: { '/etc/vault/token': 'x', '/etc/site': 'x' },
    });

    await world.publish({ modules: [vault, site], version: 1 });
    expect((await world.run()).report).toMatchObject({ status: 'applied', health: 'healthy' });
    expect(await readdir(inRoot('etc'))).toEqual(['site', 'vault']);
    expect(await readdir(inRoot('etc/vault'))).toEqual([]);

    const ungranted = (custom: { layers: { granted_reservations?: string[] }[] }) => {
      for (const layer of custom.layers) delete layer.granted_reservations;
    };
    await world.publish({ modules: [vault, site], version: 2, change: ungranted });
    expect((await world.run()).report).toMatchObject({
      status: 'refused',
      code: 'composition_mismatch',
    });
  });

  it('asks only whether it changed the next time, and does not fetch the content again', async () => {
    await world.publish({ modules: [await redisModule(world)], version: 1 });
    await world.run();
    world.requests.length = 0;

    const { report, generation } = await world.run();
    expect(report).toMatchObject({ status: 'unchanged', code: null, health: 'healthy' });
    expect(generation).toBe(1);
    expect(world.requests).toEqual(['GET /bucket/desired-state', 'POST /api/v1/agent/report']);
  });

  it('keeps the root when the same content is signed again', async () => {
    const modules = [await redisModule(world)];
    await world.publish({ modules, version: 1 });
    await world.run();
    await world.publish({ modules, version: 2 });

    const { report, generation } = await world.run();
    expect(report).toMatchObject({ status: 'unchanged', desired_state_version: 2 });
    expect(generation).toBe(1);
    expect((await world.run()).report).toMatchObject({
      status: 'unchanged',
      desired_state_version: 2,
    });
  });

  it('fetches only the changed module and keeps the last two generations', async () => {
    const tools = await world.module({ name: 'tools', files: { '/usr/bin/tool': long } });
    for (const version of [1, 2, 3]) {
      await world.publish({ modules: [await redisModule(world, String(version)), tools], version });
      world.requests.length = 0;
      expect((await world.run()).report.status).toBe('applied');
    }

    expect(world.requests).not.toContain(`GET /bucket/${tools.layer.layer_digest}`);
    expect(await readFile(inRoot('usr/bin/redis'), 'utf8')).toBe('#!/bin/sh\necho 3\n');
    await expect(lstat(join(world.dir, 'generations/1'))).rejects.toThrow('ENOENT');
    expect((await lstat(join(world.dir, 'generations/2'))).isDirectory()).toBe(true);
  });

  it('holds the content of two generations and no more', async () => {
    for (const version of [1, 2, 3]) {
      await world.publish({ modules: [await redisModule(world, String(version))], version });
      await world.run();
    }

    for (const folder of ['layers', 'documents', 'signatures', '../images']) {
      expect((await readdir(join(world.dir, 'store', folder))).length).toBe(2);
    }

    const store = await readdir(join(world.dir, 'store'), { recursive: true });
    expect(store.filter((name) => /^[0-9a-f]{2}\/[0-9a-f]{62}$/.test(name)).length).toBe(2);
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', health: 'healthy' });
  });

  it('renews a presigned URL that has run out', async () => {
    await world.publish({ modules: [await redisModule(world)], version: 1 });
    await world.run();
    world.session += 1;
    world.requests.length = 0;
    expect((await world.run()).report.status).toBe('unchanged');
    expect(world.requests).toContain('POST /api/v1/agent/heartbeat');
  });

  it('keeps /var, adds missing files there, and does not count changes there as drift', async () => {
    await world.publish({ modules: [await redisModule(world)], version: 1 });
    await world.run();
    await writeFile(inRoot('var/lib/redis/seed'), 'changed by the machine');
    await mkdir(inRoot('var/lib/redis/data'));
    await writeFile(inRoot('var/lib/redis/data/dump'), 'precious');
    await symlink('/etc', inRoot('var/lib/redis/away'));
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', health: 'healthy' });

    const next = await world.module({
      name: 'my-redis',
      files: {
        '/var/lib/redis/seed': 'new',
        '/var/lib/redis/fresh': 'fresh',
        '/var/lib/redis/away/passwd': 'through a link',
      },
    });

    await world.publish({ modules: [next], version: 2 });
    expect((await world.run()).report).toMatchObject({ status: 'applied', health: 'healthy' });
    expect(await readFile(inRoot('var/lib/redis/seed'), 'utf8')).toBe('changed by the machine');
    expect(await readFile(inRoot('var/lib/redis/data/dump'), 'utf8')).toBe('precious');
    expect(await readFile(inRoot('var/lib/redis/fresh'), 'utf8')).toBe('fresh');
    expect(await readlink(inRoot('var/lib/redis/away'))).toBe('/etc');
    expect(await readFile('/etc/passwd', 'utf8')).not.toBe('through a link');
  });

  it('renders instance modules only as they say, with the machine’s metadata', async () => {
    const motd = await world.module({
      name: 'motd',
      variety: 'instance',
      files: { '/etc/motd': 'this is ${instance.hostname}\n' },
    });

    const metadata = { hostname: 'node-7' };
    await world.publish({ modules: [await redisModule(world), motd], version: 1, metadata });
    expect((await world.run()).report).toMatchObject({ status: 'applied', health: 'healthy' });
    expect(await readFile(inRoot('etc/motd'), 'utf8')).toBe('this is node-7\n');
    await writeFile(inRoot('etc/motd'), 'this is node-8\n');

    const { report } = await world.run();
    expect(report).toMatchObject({ status: 'applied', code: 'root_tampered', health: 'degraded' });
    expect(Object.keys(report.running_module_digests)).toEqual(['my-redis']);
    expect(await readFile(inRoot('etc/motd'), 'utf8')).toBe('this is node-7\n');
  });
});
