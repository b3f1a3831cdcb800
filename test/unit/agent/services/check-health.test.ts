import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  awaitHealthy,
  checkHealth,
  healthWaitMs,
} from '../../../../agent/services/check-health.ts';
import { describeFault } from '../../../../agent/services/judge-services.ts';
import type { MachineService } from '../../../../agent/services/services-record.ts';
import type { UnitState } from '../../../../agent/services/systemd.ts';
import type { ServiceHealth } from '../../../../shared/domain/compose/index.ts';

const times = { interval_s: 1, timeout_s: 1, initial_delay_s: 0 };

let server: Server;
let port: number;
let calls = 0;
beforeAll(async () => {
  server = createServer(({ method, url }, response) => {
    calls++;
    if (url === '/hang') return;
    if (url === '/moved') response.writeHead(302, { location: 'http://192.0.2.1/' }).end();
    else if (url === '/third') response.writeHead(calls < 3 ? 503 : 200).end();
    else response.writeHead(url === '/up' && method === 'POST' ? 204 : 500).end();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function http(path: string, method: ServiceHealth['method'] = 'GET'): ServiceHealth {
  return {
    kind: 'http',
    method,
    url: `http://127.0.0.1:${port}${path}`,
    ...times,
  } as ServiceHealth;
}

function tcp(host: string, at: number): ServiceHealth {
  return { kind: 'tcp', host, port: at, ...times };
}

describe('a health check', () => {
  it('passes by a status below 400, an open port, or its absence', async () => {
    expect(await checkHealth(null)).toBeUndefined();
    expect(await checkHealth(http('/up', 'POST'))).toBeUndefined();
    expect(await checkHealth(tcp('localhost', port))).toBeUndefined();
    // Where it leads to says nothing about the service, and is not asked.
    expect(await checkHealth(http('/moved'))).toBeUndefined();
  });

  it('says what is wrong', async () => {
    expect(await checkHealth(http('/up'))).toMatch(/expected a status below 400, found 500$/);
    expect(await checkHealth(http('/hang'))).toMatch(/^GET http:.*\/hang failed: /);
    expect(await checkHealth(tcp('127.0.0.1', 1))).toMatch(/^127\.0\.0\.1 port 1 accepts no conn/);
  });

  it.each(['192.0.2.1', 'example.org', '169.254.169.254', '127.0.0.1.example.org'])(
    'asks no other machine: %s',
    async (host) => {
      const here = /expected this machine/;
      expect(await checkHealth(tcp(host, port))).toMatch(here);
      const health = { kind: 'http', url: `http://${host}:${port}/up`, ...times } as const;
      expect(await checkHealth(health)).toMatch(here);
    },
  );

  it('is tried again until it passes or its time is over', async () => {
    const service = (health: ServiceHealth) => ({ health }) as MachineService;
    calls = 0;
    expect(await awaitHealthy(service(http('/third')))).toBeUndefined();
    expect(calls).toBe(3);

    const short = { ...tcp('127.0.0.1', 1), timeout_s: 0, interval_s: 0 } as ServiceHealth;
    expect(await awaitHealthy(service(short))).toMatch(/accepts no connection/);
  });

  it('has the time for three tries, and a bound', () => {
    const health = { ...tcp('localhost', 1), interval_s: 30, timeout_s: 5, initial_delay_s: 10 };
    expect(healthWaitMs(null)).toBe(0);
    expect(healthWaitMs(health)).toBe(75_000);
    expect(healthWaitMs({ ...health, interval_s: 86_400 })).toBe(300_000);
  });
});

describe('the state of a unit', () => {
  const active: UnitState = {
    FragmentPath: '/run/systemd/system/a.service',
    DropInPaths: '',
    NeedDaemonReload: 'no',
    ActiveState: 'active',
    SubState: 'running',
    Result: 'success',
    Restart: 'on-failure',
    NRestarts: '1',
  };

  it.each<[string, Partial<UnitState>, string | undefined]>([
    ['runs', {}, undefined],
    ['ended well', { ActiveState: 'inactive', SubState: 'dead' }, undefined],
    ['was stopped', { ActiveState: 'inactive', Restart: 'always' }, 'is stopped'],
    ['failed', { ActiveState: 'failed', Result: 'exit-code' }, 'failed (exit-code)'],
    [
      'waits for its restart',
      { ActiveState: 'activating', SubState: 'auto-restart', Result: 'signal' },
      'ended and waits for its restart (signal)',
    ],
    ['was restarted', { NRestarts: '3' }, 'ended and was restarted 3 times'],
  ])('is judged when it %s', (_, after, expected) => {
    expect(describeFault(active, { ...active, ...after })).toBe(expected);
  });
});
