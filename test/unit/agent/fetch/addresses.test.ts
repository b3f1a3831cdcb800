import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readBody, request } from '../../../../agent/fetch/http.ts';
import { limits } from '../../../../shared/base/limits/index.ts';
import { startHttpServer } from '../../../support/http-server.ts';
import { World } from '../world.ts';

let world: World;
beforeEach(async () => {
  world = await World.start();
  await world.enroll();
});
afterEach(async () => {
  vi.useRealTimers();
  await world.stop();
});

describe('a control plane that hands out addresses of its choice', () => {
  it.each([
    'http://169.254.169.254/latest/meta-data/iam/security-credentials/',
    'http://127.0.0.1.evil.example/',
    'http://[fd00:ec2::254]/latest/meta-data/',
    'file:///etc/shadow',
    'data:application/json,{}',
  ])('cannot have a machine read %s', async (url) => {
    await world.publish({
      modules: [await world.module({ name: 'site', files: { '/srv/a': 'a' } })],
      version: 1,
    });
    world.handedOut = { verb: 'heartbeat', url };
    await expect(world.run()).rejects.toMatchObject({ code: 'invalid_request' });
    world.handedOut = { verb: 'artifacts', url };
    expect((await world.run()).report).toMatchObject({
      status: 'refused',
      code: 'invalid_request',
    });
  });
});

describe('a bucket that lets bytes drip', () => {
  it('does not block a machine: it aborts a transfer that is too slow', async () => {
    const server = await startHttpServer(async (_, response) => {
      while (!response.destroyed) {
        response.write('x');
        await sleep(5);
      }
    });

    vi.useFakeTimers({ toFake: ['performance'] });
    const answer = await request(`http://${server.host}/drip`);

    vi.advanceTimersByTime(limits.agentStallMs);
    await expect(readBody(answer, 10_000, 'It')).rejects.toMatchObject({ code: 'unavailable' });
    await server.stop();
  });
});
