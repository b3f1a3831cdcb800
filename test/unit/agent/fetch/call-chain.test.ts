import { cp, rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runOnce } from '../../../../agent/run.ts';
import { World } from '../world.ts';

const hour = 60 * 60_000;

let world: World;
let hours: number;
beforeEach(async () => {
  world = await World.start();
  await world.enroll();
  await world.publish({ modules: [], version: 1 });
  await world.run();
  hours = 0;
});
afterEach(() => world.stop());

/** A look an hour after the one before: it has a heartbeat and a report. */
async function look(dir = world.dir) {
  const at = Date.now() + ++hours * hour;
  world.now = () => new Date(at);
  return await runOnce({ dir, now: world.now });
}

describe('a machine', () => {
  it('that gets no answers is not taken for two', async () => {
    for (const lost of [1, 2, 1, 3]) {
      world.answersToLose = lost;
      for (let n = 0; n < lost; n++)
        await expect(look()).rejects.toMatchObject({ code: 'unavailable' });
      expect((await look()).report).toMatchObject({ status: 'unchanged', code: null });
    }
  });

  it.each(['the copy', 'the original'])(
    'that is copied is found out soon where %s calls first',
    async (first) => {
      const copy = `${world.dir}-copy`;
      await cp(world.dir, copy, { recursive: true });

      const turns = first === 'the copy' ? [copy, world.dir] : [world.dir, copy];
      const looks = async () => {
        for (const dir of [...turns, ...turns]) await look(dir);
      };

      await expect(looks()).rejects.toMatchObject({ code: 'credential_reused' });
      await rm(copy, { recursive: true });
    },
  );

  it('whose disk is set back is found out with its first call', async () => {
    const before = `${world.dir}-before`;
    await cp(world.dir, before, { recursive: true });
    await look();
    await look();
    await expect(look(before)).rejects.toMatchObject({ code: 'credential_reused' });
    await rm(before, { recursive: true });
  });
});
