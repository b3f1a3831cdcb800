import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { enroll } from '../../../agent/enroll.ts';
import { runLoop, type TickOutcome } from '../../../agent/run.ts';
import { director, rootOf, World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
});
afterEach(() => world.stop());

async function site() {
  return await world.module({ name: 'site', files: { '/srv/index.html': 'a page' } });
}

describe('a machine that is decommissioned', () => {
  async function decommissioned(onDecommission?: 'keep' | 'stop') {
    const token = world.token();
    await enroll({
      token,
      dir: world.dir,
      ...(onDecommission === undefined ? {} : { onDecommission }),
    });

    await world.publish({ modules: [await site()], version: 1, metadata: { password: 'hunter2' } });
    await world.run();
    world.refuse = { verb: 'heartbeat', status: 410, code: 'instance_decommissioned' };

    const inAnHour = new Date(Date.now() + 60 * 60_000);
    world.now = () => inAnHour;
    await expect(world.run()).rejects.toMatchObject({
      code: 'instance_decommissioned',
      message: expect.stringContaining(`the enrolment was removed from ${world.dir}`),
    });
  }

  it.each([undefined, 'keep'] as const)(
    'wipes the account’s data and keeps its root running: %s',
    async (what) => {
      await decommissioned(what);
      expect(await readdir(join(world.dir, 'agent'))).toEqual([]);
      expect(await readFile(join(world.dir, 'current/srv/index.html'), 'utf8')).toBe('a page');
      expect(await readdir(join(world.dir, 'generations'))).toEqual(['1']);
      await expect(world.run()).rejects.toMatchObject({ code: 'prerequisite_missing' });
    },
  );

  it('takes its root away where enrolment said so, and leaves the machine its data', async () => {
    await decommissioned('stop');
    expect(await readdir(world.dir)).not.toContain('current');
    expect(await readFile(join(world.dir, 'generations/1/srv/index.html'), 'utf8')).toBe('a page');
  });

  it('ends its agent, which would else ask for ever', async () => {
    await world.enroll();
    await world.publish({ modules: [await site()], version: 1 });
    world.refuse = { verb: 'report', status: 410, code: 'instance_decommissioned' };

    const told: TickOutcome[] = [];
    const loop = runLoop({ dir: world.dir }, new AbortController().signal, (outcome) =>
      told.push(outcome),
    );

    await expect(loop).rejects.toMatchObject({ code: 'instance_decommissioned' });
    expect(told).toMatchObject([{ error: { code: 'instance_decommissioned' } }]);
    expect(await readdir(join(world.dir, 'agent'))).toEqual([]);
  });

  it('continues to wipe where power failed', async () => {
    await world.enroll();
    await world.publish({ modules: [await site()], version: 1 });
    await world.run();

    for (const path of [
      'generations/1.state.json',
      'agent/desired-state.json',
      'agent/reported.json',
      'state.json',
    ]) {
      await rm(join(world.dir, path));
    }

    world.refuse = { verb: 'report', status: 410, code: 'instance_decommissioned' };
    await expect(world.run()).rejects.toMatchObject({ code: 'instance_decommissioned' });
    expect(await readdir(join(world.dir, 'agent'))).toEqual([]);
  });
});

describe('a machine whose credential was used elsewhere', () => {
  it('wipes key and credential, keeps its root, and enrols again as the instance that it is', async () => {
    const module = await site();
    await world.enroll();
    await world.publish({ modules: [module], version: 7 });
    await world.run();
    world.refuse = { verb: 'report', status: 401, code: 'credential_reused' };
    await expect(world.run()).rejects.toMatchObject({ code: 'credential_reused' });

    const left = await readdir(join(world.dir, 'agent'));
    for (const name of ['key.pem', 'sealing-key.pem', 'credential', 'session.json', 'calls.json'])
      expect(left).not.toContain(name);
    expect(await readFile(join(world.dir, 'current/srv/index.html'), 'utf8')).toBe('a page');
    world.refuse = undefined;

    const other = { token: world.token({ instance: 'ins_2' }), dir: world.dir };
    await expect(enroll(other)).rejects.toMatchObject({ code: 'already_exists' });
    await enroll({ token: world.renewedToken(), dir: world.dir });
    // What it has seen before it still knows.
    await world.publish({ modules: [module], version: 6 });
    expect((await world.run()).report).toMatchObject({ code: 'desired_state_version_rollback' });
    await world.publish({ modules: [module], version: 7 });
    expect((await world.run()).report).toMatchObject({ status: 'unchanged', code: null });
  });

  it.each(['key.pem', 'credential'])(
    'enrols again if power failed when only %s was deleted',
    async (name) => {
      await world.enroll();
      await rm(join(world.dir, 'agent', name));
      await expect(world.run()).rejects.toMatchObject({ code: 'prerequisite_missing' });
      await enroll({ token: world.renewedToken(), dir: world.dir });
      await world.publish({ modules: [await site()], version: 1 });
      expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
    },
  );

  it('cannot be given another account root by a new join token, nor an older one', async () => {
    const [second, rogue] = [director(), director()];
    const [first = Buffer.alloc(0)] = world.roots;

    world.roots.push(await rootOf(second, 2, world.director));
    await world.enroll();
    await world.publish({ modules: [await site()], version: 1, signer: second });
    await world.run();

    const kept = await readFile(join(world.dir, 'agent/root.json'));
    expect(kept).toEqual(world.roots[1]);

    const chain = world.roots;
    for (const [roots, refusal] of [
      [[await rootOf(rogue, 2)], 'root_untrusted'],
      [[await rootOf(rogue, 1)], null],
      [[await rootOf(rogue, 3)], null],
      [[first], null],
    ] as const) {
      for (const name of ['credential', 'key.pem', 'calls.json', 'session.json']) {
        await rm(join(world.dir, 'agent', name), { force: true });
      }

      world.roots = [...roots];
      const enrolled = enroll({ token: world.renewedToken(), dir: world.dir });

      if (refusal !== null) await expect(enrolled).rejects.toMatchObject({ code: refusal });
      else {
        await enrolled;
        await world.publish({
          modules: [],
          version: 2,
          signer: roots[0] === first ? world.director : rogue,
        });

        expect((await world.run()).report).toMatchObject({
          code: 'desired_state_signature_invalid',
        });
      }

      expect(await readFile(join(world.dir, 'agent/root.json'))).toEqual(kept);
    }

    world.roots = chain;
    await world.publish({ modules: [], version: 2, signer: second });
    expect((await world.run()).report).toMatchObject({ status: 'applied', code: null });
  });
});
