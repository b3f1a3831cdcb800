import {
  chmod,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Module, World } from '../world.ts';

const long =
  'a configuration of more than sixty-four bytes, so that it lies in the store and not in the image\n';

let world: World;
let redis: Module;
let tools: Module;

beforeEach(async () => {
  world = await World.start();
  await world.enroll();

  redis = await world.module({
    name: 'my-redis',
    files: {
      '/etc/redis/redis.conf': long,
      '/etc/redis/small': 'small',
      '/etc/redis/link': { target: 'redis.conf' },
      '/usr/bin/redis': { mode: 0o755, content: `#!/bin/sh\n# ${long}` },
    },
  });

  tools = await world.module({
    name: 'tools',
    files: { '/usr/bin/tool': `${long}tool` },
    priority: 20,
  });

  await world.publish({ modules: [redis, tools], version: 1 });
  await world.run();
});
afterEach(() => world.stop());

function inRoot(path: string): string {
  return join(world.dir, 'current', path);
}

function objectPath(module: Module, path: string): string {
  const verity = module.layer.entries.find((entry) => entry.path === path)?.verity as string;
  return join(world.dir, 'store', verity.slice(0, 2), verity.slice(2));
}

function passTime(ms: number): void {
  const later = world.now().getTime() + ms;
  world.now = () => new Date(later);
}

async function cleanNow(): Promise<void> {
  const { report } = await world.run();
  expect(report).toMatchObject({
    status: 'unchanged',
    code: null,
    message: null,
    health: 'healthy',
  });

  expect(Object.keys(report.running_module_digests)).toEqual(['my-redis', 'tools']);
}

describe('a root that was tampered with', () => {
  const cases: [string, string, () => Promise<unknown>][] = [
    [
      'other content of the same length',
      '/etc/redis/redis.conf has other content',
      () => alter('etc/redis/redis.conf'),
    ],
    [
      'other content of a small file',
      '/etc/redis/small has other content',
      () => writeFile(inRoot('etc/redis/small'), 'SMALL'),
    ],
    [
      'longer content',
      '/etc/redis/small has 6 bytes',
      () => writeFile(inRoot('etc/redis/small'), 'longer'),
    ],
    ['another mode', '/usr/bin/redis has mode 4755', () => chmod(inRoot('usr/bin/redis'), 0o4755)],
    [
      'a missing file',
      '/etc/redis/redis.conf is missing',
      () => unlink(inRoot('etc/redis/redis.conf')),
    ],
    [
      'a link that leads elsewhere',
      '/etc/redis/link points to "/etc/shadow"',
      () => relink('etc/redis/link', '/etc/shadow'),
    ],
    [
      'a link in place of a file',
      '/etc/redis/small is a symlink',
      () => relink('etc/redis/small', '/etc/passwd'),
    ],
    [
      'a directory in place of a file',
      '/etc/redis/small is a directory',
      () => directoryAt('etc/redis/small'),
    ],
  ];

  async function alter(path: string): Promise<void> {
    await writeFile(inRoot(path), long.replace('configuration', 'kompromittata'));
  }

  async function relink(path: string, target: string): Promise<void> {
    await rm(inRoot(path));
    await symlink(target, inRoot(path));
  }

  async function directoryAt(path: string): Promise<void> {
    await rm(inRoot(path));
    await mkdir(inRoot(path));
  }

  it.each(cases)(
    'by %s is named, not vouched for and laid out again',
    async (_, sentence, tamper) => {
      await tamper();
      const { report, generation } = await world.run();

      expect(report).toMatchObject({
        status: 'applied',
        code: 'root_tampered',
        health: 'degraded',
        composition_digest: null,
      });

      expect(report.message).toContain(sentence);
      expect(report.running_module_digests).toEqual({ tools: tools.layer.composefs_digest });
      expect(generation).toBe(2);
      expect(await readFile(inRoot('etc/redis/redis.conf'), 'utf8')).toBe(long);
      await cleanNow();
    },
  );

  it('by an added file is named, though it is of no module (helm-controller#896)', async () => {
    await writeFile(inRoot('usr/bin/evil'), 'x');
    const { report } = await world.run();

    expect(report).toMatchObject({ code: 'root_tampered', composition_digest: null });
    expect(report.message).toContain('/usr/bin/evil is there, though no module ships it');
    await expect(lstat(inRoot('usr/bin/evil'))).rejects.toThrow('ENOENT');
    await cleanNow();
  });

  it('by a link in place of a directory is named, and nothing behind the link is touched', async () => {
    const elsewhere = join(world.dir, 'elsewhere');
    await rename(inRoot('etc/redis'), elsewhere);
    await symlink(elsewhere, inRoot('etc/redis'));

    const { report } = await world.run();
    expect(report.message).toContain('/etc/redis is a symlink, expected a directory');
    expect(report.running_module_digests).toEqual({ tools: tools.layer.composefs_digest });
    expect((await readdir(elsewhere)).sort()).toEqual(['link', 'redis.conf', 'small']);
    expect((await lstat(inRoot('etc/redis'))).isDirectory()).toBe(true);
    await cleanNow();
  });

  it('by a link in place of the whole root is named', async () => {
    const elsewhere = join(world.dir, 'elsewhere');
    await rename(join(world.dir, 'generations/1'), elsewhere);
    await symlink(elsewhere, join(world.dir, 'generations/1'));

    const { report } = await world.run();
    expect(report).toMatchObject({
      code: 'root_tampered',
      composition_digest: null,
      running_module_digests: {},
    });

    expect(report.message).toContain('/ is a symlink, expected a directory');
    await cleanNow();
  });

  it('by pointing current to an older generation, to nowhere or at nothing is named and put right', async () => {
    const other = await world.module({
      name: 'tools',
      files: { '/usr/bin/tool': `${long}newer` },
      priority: 20,
    });

    await world.publish({ modules: [redis, other], version: 2 });
    await world.run();

    const current = join(world.dir, 'current');
    for (const tamper of [
      () => rm(current).then(() => symlink('generations/1', current)),
      () => rm(current).then(() => symlink('/etc', current)),
      () => rm(current),
      () => rm(current).then(() => mkdir(join(current, 'full'), { recursive: true })),
    ]) {
      // Long enough after the last repair for the next one to be immediate.
      passTime(3 * 60 * 60_000);
      await tamper();
      const { report } = await world.run();

      expect(report).toMatchObject({
        status: 'applied',
        code: 'root_tampered',
        health: 'degraded',
      });

      expect(report.message).toContain('current points to');
      expect(await readFile(inRoot('usr/bin/tool'), 'utf8')).toBe(`${long}newer`);
      await cleanNow();
    }

    // The directory in the place of the link may hold somebody's files.
    const aside = (await readdir(world.dir)).filter((name) => name.startsWith('current.replaced-'));
    expect(aside).toHaveLength(1);
    expect(await readdir(join(world.dir, aside[0] as string))).toEqual(['full']);
  });

  it('by changing the record of what it was made of is named and laid out again', async () => {
    const record = join(world.dir, 'generations/1.state.json');
    await writeFile(record, (await readFile(record, 'utf8')).replace('"version":1', '"version":7'));

    const { report } = await world.run();
    expect(report).toMatchObject({ status: 'applied', code: 'root_tampered' });
    expect(report.message).toContain('generations/1.state.json');
    await cleanNow();
  });

  it('while the desired state is refused is put right all the same', async () => {
    await world.publish({
      modules: [redis, tools],
      version: 2,
      expires: new Date(Date.now() - 1000),
    });

    await writeFile(inRoot('etc/redis/small'), 'SMALL');
    const { report } = await world.run();

    expect(report).toMatchObject({
      status: 'stale',
      code: 'desired_state_expired',
      health: 'degraded',
    });

    expect(report.message).toContain('/etc/redis/small has other content');
    expect(await readFile(inRoot('etc/redis/small'), 'utf8')).toBe('small');
  });

  it('while nothing answers is put right all the same', async () => {
    world.objects.delete('desired-state');
    await writeFile(inRoot('etc/redis/small'), 'SMALL');
    await expect(world.run()).rejects.toMatchObject({ code: 'unavailable' });
    expect(await readFile(inRoot('etc/redis/small'), 'utf8')).toBe('small');
  });
});

describe('a root that is tampered with repeatedly', () => {
  const minute = 60_000;
  const evil = () => writeFile(inRoot('usr/bin/evil'), 'x');

  async function expectRepair(generation: number): Promise<void> {
    await evil();
    expect(await world.run()).toMatchObject({
      generation,
      report: { status: 'applied', code: 'root_tampered', health: 'degraded' },
    });
  }

  async function expectWait(generation: number, times: number): Promise<void> {
    await evil();
    const result = await world.run();
    expect(result).toMatchObject({
      generation,
      report: {
        status: 'refused',
        code: 'root_tampered',
        composition_digest: null,
        running_module_digests: {
          'my-redis': redis.layer.composefs_digest,
          tools: tools.layer.composefs_digest,
        },
        health: 'degraded',
      },
    });

    expect(result.report.message).toContain(`was laid out again ${times} times`);
    expect(result.report.message).toContain('/usr/bin/evil is there');
  }

  it('is repaired less and less often, says when, and recovers when it stays clean', async () => {
    passTime(0);
    await expectRepair(2);
    passTime(minute);
    await expectRepair(3);
    await expectWait(3, 2);
    passTime(minute);
    await expectWait(3, 2);
    passTime(minute);
    await expectRepair(4);
    passTime(3 * minute);
    await expectWait(4, 3);
    passTime(minute);
    await expectRepair(5);

    // An update does not wait.
    await evil();
    await world.publish({ modules: [redis, tools], version: 2, metadata: { role: 'db' } });
    expect(await world.run()).toMatchObject({ generation: 6, report: { status: 'applied' } });

    passTime(2 * 60 * minute);
    await expectRepair(7);
    passTime(minute);
    await expectRepair(8);
  });

  it('by its link is repaired less and less often too', async () => {
    passTime(0);
    for (const status of ['applied', 'applied', 'refused']) {
      await rm(join(world.dir, 'current'));
      expect((await world.run()).report).toMatchObject({ status, code: 'root_tampered' });
    }

    passTime(2 * minute);
    expect((await world.run()).report).toMatchObject({ status: 'applied', code: 'root_tampered' });
    await cleanNow();
  });
});

describe('a store that was tampered with', () => {
  async function named(sentence: string): Promise<void> {
    const { report, generation } = await world.run();
    expect(report).toMatchObject({
      status: 'unchanged',
      code: 'store_tampered',
      health: 'degraded',
    });

    expect(report.message).toContain(sentence);
    expect(Object.keys(report.running_module_digests)).toEqual(['my-redis', 'tools']);
    expect(generation).toBe(1);
    await cleanNow();
  }

  it('by other content of an object is named, and the layer fetched again', async () => {
    const path = objectPath(redis, '/etc/redis/redis.conf');
    await chmod(path, 0o644);
    await writeFile(path, long.replace('configuration', 'kompromittata'));
    await named('(/etc/redis/redis.conf) has other content');
    expect(await readFile(path, 'utf8')).toBe(long);
  });

  it('by a missing object or something else in its place is named, and the layer fetched again', async () => {
    const path = objectPath(tools, '/usr/bin/tool');
    await rm(path);
    await named('(/usr/bin/tool) is missing');
    await rm(path);
    await symlink('/etc/passwd', path);
    await named('(/usr/bin/tool) has other content');
    await rm(path);
    await mkdir(path);
    await named('(/usr/bin/tool) has other content');
    expect(await readFile(path, 'utf8')).toBe(`${long}tool`);
  });

  it('in what it says of a layer is named, and the layer fetched again', async () => {
    const path = join(world.dir, 'store/layers', `${redis.layer.layer_digest.slice(7)}.json`);
    const record = await readFile(path, 'utf8');

    await writeFile(path, record.replace('"mode":493', '"mode":2541'));
    await named(
      `store/layers/${redis.layer.layer_digest.slice(7)}.json gives the composefs digest`,
    );
    await writeFile(
      path,
      record.replace('"path":"/etc/redis/small"', '"path":"/etc/../etc/small"'),
    );
    await named('store/layers/');
    await writeFile(
      path,
      record.replace('\\"name\\":\\"my-redis\\"', '\\"name\\":\\"my-ferret\\"'),
    );
    await named('is not as it was verified');
    await writeFile(path, '{}');
    await cleanNow();
    expect(await readFile(path, 'utf8')).toBe(record);
  });

  it('in a manifest or in the stored signatures fetches them again', async () => {
    const documents = join(world.dir, 'store/documents');
    for (const name of await readdir(documents)) await writeFile(join(documents, name), '{}');
    await cleanNow();

    const signatures = join(world.dir, 'store/signatures');
    for (const name of await readdir(signatures)) await writeFile(join(signatures, name), '{}');
    await cleanNow();
  });

  it('is not put right from a bucket that serves other bytes', async () => {
    await rm(objectPath(redis, '/etc/redis/redis.conf'));
    const good = world.objects.get(redis.layer.layer_digest) as Buffer;

    world.objects.set(redis.layer.layer_digest, Buffer.alloc(good.length));
    const { report } = await world.run();

    expect(report).toMatchObject({ status: 'refused', code: 'layer_mismatch', health: 'degraded' });
    expect(report.message).toContain('(/etc/redis/redis.conf) is missing');
    expect(await readFile(inRoot('etc/redis/redis.conf'), 'utf8')).toBe(long);
    expect(await readlink(join(world.dir, 'current'))).toBe('generations/1');
  });
});

describe('the agent’s own memory', () => {
  it('refuses an older desired state also after state.json was removed', async () => {
    await world.publish({ modules: [redis], version: 4 });
    await world.run();
    await rm(join(world.dir, 'state.json'));
    await world.publish({ modules: [redis, tools], version: 3 });
    expect((await world.run()).report).toMatchObject({
      status: 'refused',
      code: 'desired_state_version_rollback',
    });
  });
});
