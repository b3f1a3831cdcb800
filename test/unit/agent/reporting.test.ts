import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Module, World } from './world.ts';

const minute = 60_000;

let world: World;
let start: number;
beforeEach(async () => {
  world = await World.start();
  start = Date.now();
});
afterEach(() => world.stop());

/** A look so many minutes after the start. */
async function lookAt(minutes: number) {
  world.now = () => new Date(start + minutes * minute);
  return await world.run();
}

async function site(content = 'a page') {
  return await world.module({ name: 'site', files: { '/srv/index.html': content } });
}

describe('a machine reports', () => {
  beforeEach(async () => {
    await world.enroll();
    await world.publish({ modules: [await site()], version: 1 });
  });

  it('changes immediately, and the same state only once an hour', async () => {
    await lookAt(0);
    await lookAt(1);
    expect(world.reports.map(({ status }) => status)).toEqual(['applied', 'unchanged']);
    for (let minutes = 2; minutes < 50; minutes += 8) await lookAt(minutes);
    expect(world.reports).toHaveLength(2);
    await lookAt(57);
    await lookAt(58);
    expect(world.reports).toHaveLength(3);
    await world.publish({ modules: [await site('another page')], version: 2 });
    await lookAt(59);
    expect(world.reports.at(-1)).toMatchObject({ status: 'applied', desired_state_version: 2 });
  });

  it('tampering when it is found, and that it is over', async () => {
    await lookAt(0);
    await lookAt(1);
    await rm(join(world.dir, 'current/srv/index.html'));
    await lookAt(2);
    await lookAt(3);
    await lookAt(4);

    const codes = world.reports.map(({ status, code }) => code ?? status);
    expect(codes).toEqual(['applied', 'unchanged', 'root_tampered', 'unchanged']);
  });

  it('tampering also where there is more to say of it than a report holds', async () => {
    const modules: Module[] = [];
    for (let n = 0; n < 12; n++) {
      modules.push(
        await world.module({
          name: `m${n}`,
          files: { [`/srv/${`m${n}`.repeat(40)}`]: 'x'.repeat(100 + n) },
        }),
      );
    }

    await world.publish({ modules, version: 2 });
    await world.run();

    for (const name of await readdir(join(world.dir, 'store'))) {
      if (/^[0-9a-f]{2}$/.test(name)) await rm(join(world.dir, 'store', name), { recursive: true });
    }

    const { report } = await world.run();
    expect(report).toMatchObject({ code: 'store_tampered', health: 'degraded' });
    expect(world.reports.at(-1)).toEqual(report);
  });

  it('again after the control plane did not accept it', async () => {
    await lookAt(0);
    world.refuse = { verb: 'report', status: 503, code: 'unavailable' };
    await expect(lookAt(1)).rejects.toMatchObject({ code: 'unavailable' });
    world.refuse = undefined;
    await lookAt(2);
    expect(world.reports.map(({ status }) => status)).toEqual(['applied', 'unchanged']);
  });
});
