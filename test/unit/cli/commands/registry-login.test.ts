import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runGantry } from '../../../support/gantry.ts';
import { type HttpServer, sendJson, startHttpServer } from '../../../support/http-server.ts';

const row = { host: 'harbor.internal', stored_by: 'token:t', stored_at: '2026-01-01T00:00:00Z' };
const [authority = ''] = rootCertificates;
const key = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
let server: HttpServer;
let directory: string;
/** What the account stored for the registry. */
let stored: { username: string | null; ca: string | null } | null;
let sent: unknown;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-login-'));
  await writeFile(join(directory, 'new.pem'), `${authority}\n${key}`);
  await writeFile(join(directory, 'key.pem'), key);
  server = await startHttpServer((request, response) => {
    if (request.method === 'GET') {
      const registries = stored === null ? [] : [{ ...row, ...stored }];
      return sendJson(response, { registries, next_cursor: null });
    }

    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      sent = JSON.parse(body);
      const { username = null, ca = null } = sent as { username?: string; ca?: string };
      sendJson(response, { registry: { ...row, username, ca } });
    });
  });
});
beforeEach(() => {
  stored = null;
  sent = undefined;
});
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

const login = (...flags: string[]) =>
  runGantry(['registry', 'login', 'Harbor.internal', ...flags], {
    input: 'secret\n',
    cwd: directory,
    env: { GANTRY_URL: `http://${server.host}`, GANTRY_TOKEN: 'x' },
  });
const asPerson = ['--username', 'acme', '--password-stdin'];

describe('gantry registry login', () => {
  it('stores an authority alone', async () => {
    expect(await login('--ca-file', 'new.pem')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('stored an authority for harbor.internal'),
    });
    // The key beside the authority stays here.
    expect(sent).toEqual({ ca: authority });
  });

  it('keeps the authority that is stored, unless another one is named', async () => {
    stored = { username: 'old', ca: 'old authority' };
    expect(await login(...asPerson)).toMatchObject({ code: 0 });
    expect(sent).toEqual({ username: 'acme', password: 'secret', ca: 'old authority' });

    await login(...asPerson, '--ca-file', 'new.pem');
    expect(sent).toMatchObject({ ca: authority });
  });

  it('drops no credentials for an authority', async () => {
    stored = { username: 'acme', ca: null };
    expect(await login('--ca-file', 'new.pem')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('this replaces the credentials of acme'),
    });
    expect(sent).toBeUndefined();
  });

  it('stores certificates alone', async () => {
    expect(await login('--ca-file', 'key.pem')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected certificates in PEM in key.pem'),
    });
    expect(sent).toBeUndefined();
  });

  it('stores something', async () => {
    expect(await login()).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected --username, --ca-file or both, found neither'),
    });
  });
});
