import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { Clock } from '../../../../agent/fetch/clock.ts';
import { World } from '../world.ts';

const hour = 60 * 60_000;
const day = 24 * hour;

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.stop());

/** Sets the machine's clock wrong; the control plane's stays right. */
function wrongBy(ms: number): void {
  world.serverNow = () => new Date();
  world.now = () => new Date(Date.now() + ms);
}

async function site() {
  return await world.module({ name: 'site', files: { '/srv/index.html': 'a page' } });
}

describe('a machine whose clock is wrong', () => {
  it.each([
    ['ten minutes ahead', 10 * 60_000, / (600|601) s ahead of /],
    ['ten minutes behind', -10 * 60_000, / (599|600) s behind /],
    ['ten years behind, as without a battery', -3650 * day, / s behind /],
  ])('%s enrols, applies and says so', async (_, ms, words) => {
    wrongBy(ms);
    await world.enroll();
    await world.publish({ modules: [await site()], version: 1 });

    const { report } = await world.run();
    expect(report).toMatchObject({ status: 'applied', code: 'clock_skew', health: 'degraded' });
    expect(report.message).toMatch(words);

    // One refusal taught it the time: no later call is refused for that.
    const calls = (verb: string) =>
      world.requests.filter((line) => line === `POST /api/v1/agent/${verb}`).length;
    expect(['enroll', 'heartbeat', 'report'].map(calls)).toEqual([2, 1, 1]);
    world.now = () => new Date();

    expect((await world.run()).report).toMatchObject({
      status: 'unchanged',
      code: null,
      health: 'healthy',
    });
  });

  it('by less than a minute says nothing of it', async () => {
    wrongBy(40_000);
    await world.enroll();
    await world.publish({ modules: [await site()], version: 1 });

    expect((await world.run()).report).toMatchObject({
      status: 'applied',
      code: null,
      health: 'healthy',
    });
  });

  it('never has an expired desired state, however far behind it is', async () => {
    wrongBy(-30 * day);
    await world.enroll();

    await world.publish({
      modules: [await site()],
      version: 1,
      expires: new Date(Date.now() - hour),
    });

    const { report } = await world.run();
    expect(report).toMatchObject({
      status: 'stale',
      code: 'desired_state_expired',
      running_module_digests: {},
    });

    expect(report.message).toContain('behind');
  });

  it('so far ahead that a good desired state seems expired applies nothing, keeps its root and says which is wrong', async () => {
    await world.enroll();
    const module = await site();

    await world.publish({ modules: [module], version: 1 });
    await world.run();
    wrongBy(30 * day);
    await world.publish({ modules: [], version: 2 });

    const { report } = await world.run();
    expect(report).toMatchObject({
      status: 'stale',
      code: 'clock_skew',
      desired_state_version: 1,
      running_module_digests: { site: module.layer.composefs_digest },
    });

    expect(report.message).toMatch(/ 259200[01] s ahead of /);
    wrongBy(0);

    expect((await world.run()).report).toMatchObject({
      status: 'applied',
      code: null,
      desired_state_version: 2,
    });
  });

  it('set back after an answer does not make young again what has expired', async () => {
    await world.enroll();
    await world.publish({
      modules: [await site()],
      version: 1,
      expires: new Date(Date.now() + 2 * hour),
    });

    await world.run();
    const later = Date.now() + 3 * hour;

    world.now = () => new Date(later);
    expect((await world.run()).report).toMatchObject({
      status: 'stale',
      code: 'desired_state_expired',
    });
    world.now = () => new Date(later - day);
    world.serverNow = () => new Date(later);
    expect((await world.run()).report).toMatchObject({
      status: 'stale',
      code: 'desired_state_expired',
    });
  });
});

test('the time that expiry is judged by is never before the last response, even without a new one', async () => {
  let now = Date.parse('2026-03-01T12:00:00Z');
  const clock = await Clock.open(() => new Date(now));
  await clock.learn('Sun, 01 Mar 2026 12:00:00 GMT');

  now -= 30 * day;
  expect(clock.latest().toISOString()).toBe('2026-03-01T12:00:00.000Z');
});

describe('a control plane that sends a wrong time', () => {
  it('makes no expired desired state good', async () => {
    await world.enroll();
    await world.publish({
      modules: [await site()],
      version: 1,
      expires: new Date(Date.now() - hour),
    });

    world.serverNow = () => new Date(Date.now() - 30 * day);
    const { report } = await world.run();

    expect(report).toMatchObject({
      status: 'stale',
      code: 'clock_skew',
      running_module_digests: {},
    });
  });

  it.each([
    ['that no clock can pass', 'Sat, 13 Sep 275760 00:00:00 GMT'],
    ['before all time', 'Tue, 20 Apr -271821 00:00:00 GMT'],
    ['that is none', 'NaN'],
  ])('%s makes no expired desired state good', async (_, date) => {
    await world.enroll();
    await world.publish({
      modules: [await site()],
      version: 1,
      expires: new Date(Date.now() - hour),
    });

    world.dateHeader = date;
    const { report } = await world.run();

    expect(report).toMatchObject({
      status: 'stale',
      code: 'desired_state_expired',
      running_module_digests: {},
    });
  });

  it('and refuses for another reason is not asked over and over', async () => {
    await world.enroll();
    world.requests.length = 0;
    world.serverNow = () => new Date(0);
    world.refuse = { verb: 'heartbeat', status: 401, code: 'dpop_invalid' };
    await expect(world.run()).rejects.toMatchObject({ code: 'dpop_invalid' });
    expect(world.requests).toEqual([
      'POST /api/v1/agent/heartbeat',
      'POST /api/v1/agent/heartbeat',
    ]);
    world.requests.length = 0;
    await expect(world.run()).rejects.toMatchObject({ code: 'dpop_invalid' });
    expect(world.requests).toEqual(['POST /api/v1/agent/heartbeat']);
  });
});

describe('a clock', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gantry-clock-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('remembers the time of the last answer, and starts again where that was lost', async () => {
    const path = join(directory, 'clock.json');
    const now = () => new Date('2026-03-01T12:00:00Z');
    const clock = await Clock.open(now, path);

    expect(await clock.learn('Sun, 01 Mar 2026 10:00:00 GMT')).toBe(true);
    expect(await clock.learn('Sun, 01 Mar 2026 10:00:01 GMT')).toBe(false);

    const again = await Clock.open(now, path);
    // A second is the way of an answer: a sentence about the clock does not change each minute.
    expect(again.server()).toEqual(new Date('2026-03-01T10:00:00Z'));
    expect(again.latest()).toEqual(now());
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, 10));
    expect((await Clock.open(now, path)).server()).toEqual(now());
  });

  it('ignores a response without a date, or with an invalid one', async () => {
    const clock = await Clock.open(() => new Date('2026-03-01T12:00:00Z'));
    for (const header of [null, '', 'soon']) expect(await clock.learn(header)).toBe(false);
    expect(clock.skew).toBeUndefined();
    await clock.learn('Thu, 01 Jan 1970 00:00:00 GMT');
    expect(clock.latest()).toEqual(new Date('2026-03-01T12:00:00Z'));
  });
});
