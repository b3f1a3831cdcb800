import { chmod, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../../../shared/base/limits/index.ts';
import { redisModule } from '../redis-module.ts';
import { World } from '../world.ts';

let world: World;
const inDir = (path: string) => join(world.dir, path);
beforeEach(async () => {
  world = await World.start();
  await world.enroll();
  await world.publish({ modules: [await redisModule(world)], version: 1 });
  await world.run();
  // Until the files are old enough to be known by their times.
  await sleep(1100);
  await world.run();
});
afterEach(() => world.stop());

/** The file of the last look is written by each full look, and by no other. */
async function fullLook(): Promise<bigint> {
  return (await stat(inDir('agent/look.json'), { bigint: true })).ino;
}

/** Writes other bytes of the same length, and gives the file its times and mode back. */
async function tamper(path: string): Promise<void> {
  const { atime, mtime, mode } = await stat(path);
  const bytes = await readFile(path);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  await chmod(path, 0o600);
  await writeFile(path, bytes);
  await utimes(path, atime, mtime);
  await chmod(path, mode);
}

describe('a tick after a full look', () => {
  it('verifies nothing again while nothing changed, and reports the same', async () => {
    const before = await fullLook();
    world.requests.length = 0;

    const { report, versions } = await world.run();
    expect(report).toMatchObject({ status: 'unchanged', code: null, health: 'healthy' });
    expect(report).toEqual({ ...world.reports.at(-1), status: 'unchanged' });
    expect([...(versions ?? [])]).toEqual([['my-redis', expect.any(String)]]);
    expect(await fullLook()).toBe(before);
    expect(world.requests).toEqual(['GET /bucket/desired-state']);
  });

  it('names a file of the root that was changed, and lays the root out again', async () => {
    await tamper(inDir('current/etc/redis/redis.conf'));
    const { report, generation } = await world.run();
    expect(report).toMatchObject({ code: 'root_tampered', status: 'applied' });
    expect(report.message).toContain('/etc/redis/redis.conf has other content');
    expect(generation).toBe(2);
  });

  it('names an object of the store that was changed', async () => {
    const { entries } = JSON.parse(await readFile(await layerRecord(), 'utf8'));
    const { verity } = entries.find(({ size }: { size: number }) => size > 64);
    await tamper(inDir(`store/${verity.slice(0, 2)}/${verity.slice(2)}`));
    expect((await world.run()).report).toMatchObject({ code: 'store_tampered' });
  });

  it('obeys a local policy that is new', async () => {
    await writeFile(inDir('agent/policy.json'), '{"modules": {}}');
    const { report } = await world.run();
    expect(report).toMatchObject({ status: 'refused', code: 'signature_refused' });
  });

  it('is a full one when the last is an hour ago, or of another boot', async () => {
    const saved = JSON.parse(await readFile(inDir('agent/look.json'), 'utf8'));
    const hour = limits.agentFullLookMs / 1000;
    for (const other of [{ full_look_s: saved.full_look_s - hour - 1 }, { boot_id: 'another' }]) {
      await writeFile(inDir('agent/look.json'), JSON.stringify({ ...saved, ...other }));
      const before = await fullLook();
      expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
      expect(await fullLook()).not.toBe(before);
    }
  });
});

async function layerRecord(): Promise<string> {
  const [name] = await readdir(inDir('store/layers'));
  return inDir(`store/layers/${name}`);
}
