import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { choosePort } from '../../../scripts/ports.ts';

let server: Server;
let taken: number;

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  taken = (server.address() as AddressInfo).port;
});

afterEach(() => {
  vi.unstubAllEnvs();
  server.close();
});

test('a port that was asked for and is taken is refused in one sentence', async () => {
  vi.stubEnv('GANTRY_PORT', String(taken));
  await expect(choosePort({ variable: 'GANTRY_PORT', kept: undefined })).rejects.toMatchObject({
    code: 'port_taken',
    message: `Port ${taken}, asked for by GANTRY_PORT, is in use by another program.`,
  });
});

test('what is no port is refused', async () => {
  vi.stubEnv('GANTRY_PORT', '80a');
  await expect(choosePort({ variable: 'GANTRY_PORT', kept: undefined })).rejects.toMatchObject({ code: 'usage' });
});

test('a kept port that is taken gives way to a free one', async () => {
  const port = await choosePort({ variable: 'GANTRY_PORT', kept: taken });
  expect(port).not.toBe(taken);
  expect(port).toBeGreaterThan(0);
});

test('a kept port that is free is used again', async () => {
  server.close();
  await once(server, 'close');
  expect(await choosePort({ variable: 'GANTRY_PORT', kept: taken })).toBe(taken);
});
