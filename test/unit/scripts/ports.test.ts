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

test('a requested port that is taken is refused with one sentence', async () => {
  vi.stubEnv('GANTRY_PORT', String(taken));
  await expect(choosePort({ variable: 'GANTRY_PORT', kept: undefined })).rejects.toMatchObject({
    code: 'port_taken',
    message: `Port ${taken}, asked for by GANTRY_PORT, is in use by another program.`,
  });
});

test('a value that is not a port is refused', async () => {
  vi.stubEnv('GANTRY_PORT', '80a');
  await expect(choosePort({ variable: 'GANTRY_PORT', kept: undefined })).rejects.toMatchObject({
    code: 'usage',
  });
});

test('a remembered port that is taken is refused with one sentence that names the way out', async () => {
  await expect(choosePort({ variable: 'GANTRY_PORT', kept: taken })).rejects.toMatchObject({
    code: 'port_taken',
    message: `Port ${taken}, used the last time, is in use by another program: free it, or ask for one with GANTRY_PORT.`,
  });
});

test('without a wish any free port below the ephemeral ones is taken', async () => {
  const port = await choosePort({ variable: 'GANTRY_PORT', kept: undefined });
  expect(port).toBeGreaterThanOrEqual(20_000);
  expect(port).toBeLessThan(32_000);
});

test('a remembered port that is free is used again', async () => {
  server.close();
  await once(server, 'close');
  expect(await choosePort({ variable: 'GANTRY_PORT', kept: taken })).toBe(taken);
});
