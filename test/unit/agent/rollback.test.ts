import { chmod, readdir, readFile, readlink, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { examine } from '../../../agent/doctor.ts';
import { resume, rollBack } from '../../../agent/rollback.ts';
import { runLoop, type TickOutcome } from '../../../agent/run.ts';
import { readStatus } from '../../../agent/status.ts';
import { redisModule } from './redis-module.ts';
import { World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
  await world.enroll();
});
afterEach(() => world.stop());

async function publish(redis: string, version: number): Promise<void> {
  await world.publish({ modules: [await redisModule(world, redis)], version });
}

async function runVersions(...versions: [redis: string, version: number][]): Promise<void> {
  for (const [redis, version] of versions) {
    await publish(redis, version);
    expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
  }
}

async function running(): Promise<string> {
  const text = await readFile(join(world.dir, 'current/etc/redis/redis.conf'), 'utf8');
  return /version (.*)\n$/.exec(text)?.[1] ?? '';
}

const back = () => rollBack({ dir: world.dir, now: world.now });

describe('gantry agent rollback', () => {
  it('returns to the root before, without any request, and holds it', async () => {
    await runVersions(['7', 1], ['8', 2]);
    world.requests.length = 0;

    expect(await back()).toMatchObject({ generation: 1, faults: [] });
    expect(world.requests).toEqual([]);
    expect(await running()).toBe('7');
    expect(await readlink(join(world.dir, 'current'))).toBe('generations/1');

    for (let tick = 0; tick < 2; tick++) {
      expect((await world.run()).report).toMatchObject({
        status: 'refused',
        code: 'rollback_held',
        desired_state_version: 1,
        message: expect.stringMatching(/went back to generation 1 from desired state 2/),
      });
      expect(await running()).toBe('7');
    }
  });

  it('holds it also when the same content is signed again, and not when it changes', async () => {
    await runVersions(['7', 1], ['8', 2]);
    await back();
    await publish('8', 3);
    expect((await world.run()).report).toMatchObject({ code: 'rollback_held' });
    await publish('9', 4);
    expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
    expect(await running()).toBe('9');
    // What was left is not the way back.
    expect(await back()).toMatchObject({ generation: 1 });
  });

  it('works between two ticks of an agent that stays resident', async () => {
    await runVersions(['7', 1], ['8', 2]);
    const outcomes: TickOutcome[] = [];
    const end = new AbortController();
    const options = { dir: world.dir, now: world.now };
    const loop = runLoop(options, end.signal, (outcome) => outcomes.push(outcome));
    while (outcomes.length < 1) await sleep(20);

    const started = performance.now();
    expect(await back()).toMatchObject({ generation: 1 });
    expect(performance.now() - started).toBeLessThan(5000);
    while (outcomes.length < 2) await sleep(20);
    expect(outcomes[1]).toMatchObject({ result: { report: { code: 'rollback_held' } } });

    end.abort();
    await loop;
    expect(await readdir(join(world.dir, 'agent'))).not.toContain('lock.wanted');
  });

  it('ends with --resume', async () => {
    await runVersions(['7', 1], ['8', 2]);
    await back();
    expect(await resume({ dir: world.dir })).toMatchObject({ generation: 1, held: undefined });
    expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
    expect(await running()).toBe('8');
  });

  it('goes to and fro between two good roots', async () => {
    await runVersions(['7', 1], ['8', 2]);
    await back();
    await world.run();
    await back();
    expect(await running()).toBe('8');
    // The desired state asks for what runs, so nothing holds it.
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
  });

  it('is refused where no other root is good, and changes nothing', async () => {
    await expect(back()).rejects.toMatchObject({
      code: 'prerequisite_missing',
      message: expect.stringMatching(/nothing runs here/),
    });
    await runVersions(['7', 1]);
    await expect(back()).rejects.toMatchObject({
      code: 'prerequisite_missing',
      message: expect.stringMatching(/no other root passed its checks/),
    });
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
  });

  it('keeps the earlier root and its content, however many roots follow the repairs', async () => {
    await runVersions(['7', 1], ['8', 2]);
    for (let repair = 0; repair < 2; repair++) {
      await writeFile(join(world.dir, 'current/etc/intruder'), 'x');
      expect((await world.run()).report).toMatchObject({ code: 'root_tampered' });
    }
    expect(await readdir(join(world.dir, 'generations'))).toContain('1');
    expect(await back()).toMatchObject({ generation: 1 });

    // Its files are still in the store: they replace what is tampered with here.
    await writeFile(join(world.dir, 'current/etc/intruder'), 'x');
    await world.run();
    expect(await running()).toBe('7');
    expect(world.requests.filter((one) => one.includes('artifacts')).length).toBe(2);
  });

  it('is completed by the next tick when it was killed before the switch', async () => {
    await runVersions(['7', 1], ['8', 2]);
    await back();
    // The note is written first; the link still leads to the root that was left.
    const link = join(world.dir, 'other');
    await symlink('generations/2', link);
    await rename(link, join(world.dir, 'current'));

    expect((await world.run()).report).toMatchObject({ code: 'rollback_held' });
    expect(await running()).toBe('7');
  });
});

describe('gantry agent status', () => {
  it('says what runs and what was reported, beside a running agent', async () => {
    await runVersions(['7', 1], ['8', 2]);
    expect(await readStatus(world.dir)).toMatchObject({
      account: 'acme',
      instance: 'ins_1',
      way: 'directory',
      generation: 2,
      applied_version: 2,
      modules: { 'my-redis': expect.stringMatching(/^sha256:/) },
      services: [],
      good_generations: [2, 1],
      blocked: null,
      last_report: { report: { status: 'applied', health: 'healthy' } },
      next_tick_at: null,
      store_bytes: expect.any(Number),
    });

    await back();
    expect(await readStatus(world.dir)).toMatchObject({
      generation: 1,
      blocked: { code: 'rollback_held' },
    });
  });

  it('is refused in a directory that is not enrolled', async () => {
    const other = join(world.dir, 'other');
    await expect(readStatus(other)).rejects.toMatchObject({ code: 'prerequisite_missing' });
    await expect(examine(other)).rejects.toMatchObject({ code: 'prerequisite_missing' });
  });
});

describe('gantry agent doctor', () => {
  async function verdicts(): Promise<Record<string, string>> {
    const checks = await examine(world.dir, world.now);
    for (const { verdict, cure } of checks) expect(cure === undefined).toBe(verdict === 'right');
    return Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]));
  }

  it('finds nothing wrong on a machine that is right', async () => {
    const found = await verdicts();
    expect(Object.keys(found)).toEqual([
      'way',
      'permissions',
      'disk space',
      'mounts',
      'systemd',
      'users',
      'proxies',
      'control plane',
      'clock',
    ]);
    const { mounts: _, 'disk space': __, ...others } = found;
    expect(new Set(Object.values(others))).toEqual(new Set(['right']));
  });

  it('finds keys that others can read, and a clock that is wrong', async () => {
    await chmod(join(world.dir, 'agent/key.pem'), 0o644);
    const real = new Date();
    world.serverNow = () => real;
    world.now = () => new Date(real.getTime() + 3_600_000);
    expect(await verdicts()).toMatchObject({ permissions: 'wrong', clock: 'wrong' });
  });

  it('finds a control plane that does not respond', async () => {
    const config = join(world.dir, 'agent/config.json');
    const text = await readFile(config, 'utf8');
    await writeFile(config, text.replace(world.url, 'http://127.0.0.1:1'));
    expect(await verdicts()).toMatchObject({ 'control plane': 'wrong', clock: 'wrong' });
  });
});
