import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, readlinkSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Module, World } from './world.ts';

const gantry = resolve(import.meta.dirname, '../../../bin/gantry');
const long =
  'a file of more than sixty-four bytes, so that it lies in the store and not in the image\n';

let world: World;
let cache: string;
// A dozen processes start from the same sources: Node compiles them once.
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'gantry-compiled-'));
});
afterAll(() => rm(cache, { recursive: true, force: true }));
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.stop());

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, NODE_COMPILE_CACHE: cache };
}

async function called(
  ...args: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return await new Promise((done) => {
    execFile(gantry, ['agent', ...args], { env: environment() }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** A module of many files that all say its version, so that a mixed root would show. */
async function many(version: number): Promise<Module> {
  const files = Object.fromEntries(
    Array.from({ length: 400 }, (_, n) => [
      `/srv/d${n % 20}/f${n}`,
      `version ${version} file ${n} ${long}`,
    ]),
  );
  return await world.module({ name: 'many', files });
}

async function versionsInRoot(): Promise<Set<string>> {
  const versions = new Set<string>();
  const top = join(world.dir, 'current/srv');
  let count = 0;

  for (const dir of await readdir(top)) {
    for (const name of await readdir(join(top, dir))) {
      count++;
      versions.add((await readFile(join(top, dir, name), 'utf8')).split(' ')[1] as string);
    }
  }

  expect(count).toBe(400);
  return versions;
}

describe('gantry agent', () => {
  it('enrols, applies, says unchanged and refuses with the documented exit codes', async () => {
    const root = ['--root', world.dir];
    expect(await called('enroll', '--token', world.token(), ...root)).toMatchObject({ code: 0 });
    expect(await called('enroll', '--token', world.token(), ...root)).toMatchObject({ code: 2 });
    expect(await called('run', '--once', ...root)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('none for this'),
    });
    await world.publish({
      modules: [await world.module({ name: 'a', files: { '/etc/a': 'a' } })],
      version: 2,
    });

    const first = await called('run', '--once', '--json', ...root);
    expect(first.code).toBe(0);

    expect(JSON.parse(first.stdout)).toMatchObject({
      status: 'applied',
      generation: 1,
      health: 'healthy',
    });

    const second = await called('run', '--once', ...root);
    expect(second).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('unchanged: generation 1 runs a'),
    });
    await world.publish({ modules: [], version: 1 });

    const third = await called('run', '--once', ...root);
    expect(third).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('desired_state_version_rollback'),
    });
    expect(await called('run', '--once')).toMatchObject({ code: 2 });
  });

  it('keeps running without --once until SIGTERM, and no second agent starts beside it', async () => {
    await world.enroll();
    await world.publish({
      modules: [await world.module({ name: 'a', files: { '/etc/a': 'a' } })],
      version: 1,
    });

    const child = spawn(gantry, ['agent', 'run', '--root', world.dir, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: environment(),
    });
    const first = await new Promise<string>((done) =>
      child.stdout.once('data', (data) => done(String(data))),
    );

    expect(JSON.parse(first)).toMatchObject({ status: 'applied', generation: 1 });
    expect(await called('run', '--once', '--root', world.dir)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('conflict'),
    });

    const ended = endOf(child);
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect((await called('run', '--once', '--root', world.dir)).code).toBe(0);
  });

  it('leaves the old or the new root, whole, in whatever it is killed', {
    timeout: 60_000,
  }, async () => {
    await world.enroll();
    await world.publish({ modules: [await many(1)], version: 1 });
    await world.run();

    const has = (path: string) => existsSync(join(world.dir, path));
    let layer = '';

    const moments: [string, (generation: number) => boolean][] = [
      ['fetching', () => world.requests.includes(`GET /bucket/${layer}`)],
      ['having fetched', () => has(`store/layers/${layer.slice('sha256:'.length)}.json`)],
      ['laying out', (generation) => has(`generations/.tmp-${generation}`)],
      ['having laid out', (generation) => has(`generations/${generation}`)],
      ['about to switch', (generation) => has(`generations/${generation}.state.json`)],
      [
        'having switched',
        (generation) => readlinkSync(join(world.dir, 'current')) === `generations/${generation}`,
      ],
    ];

    let kills = 0;
    let version = 1;

    for (const [, reached] of moments) {
      version++;
      const module = await many(version);

      layer = module.layer.layer_digest;
      await world.publish({ modules: [module], version });

      const generation = Number((await readlink(join(world.dir, 'current'))).split('/')[1]);
      const child = spawn(gantry, ['agent', 'run', '--once', '--root', world.dir], {
        stdio: 'ignore',
        env: environment(),
      });
      let alive = true;
      const ended = endOf(child).finally(() => {
        alive = false;
      });
      while (alive && !reached(generation + 1)) await sleep(1);
      child.kill('SIGKILL');
      if ((await ended) === null) kills++;
      const found = [...(await versionsInRoot())];

      expect(found.length).toBe(1);
      expect([String(version - 1), String(version)]).toContain(found[0]);

      const { report } = await world.run();
      expect(report).toMatchObject({
        code: null,
        health: 'healthy',
        desired_state_version: version,
      });

      expect(await versionsInRoot()).toEqual(new Set([String(version)]));
      expect(
        (await readdir(join(world.dir, 'generations'))).filter((name) => name.startsWith('.')),
      ).toEqual([]);
    }

    expect(kills).toBeGreaterThan(2);
  });
});

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((done) => child.once('exit', (code) => done(code)));
}
