import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  addContext,
  configFile,
  readConnection,
  readContexts,
  removeContext,
  saveContexts,
} from '../../../cli/client/config.ts';
import { runGantry } from '../../support/gantry.ts';

const none = { current: null, contexts: [] };
const prod = { name: 'prod', url: 'https://g.example', token: 'gantry_p' };
const test = { name: 'test', url: 'https://t.example', token: 'gantry_t' };

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'gantry-contexts-'));
  vi.stubEnv('XDG_CONFIG_HOME', home);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true, force: true });
});

describe('a connection', () => {
  const both = addContext(addContext(none, prod), test);
  const connection = (environment: NodeJS.ProcessEnv) =>
    readConnection({ XDG_CONFIG_HOME: home, ...environment });

  it('is the one of the current context, which is the last login', async () => {
    await saveContexts(both);
    expect(await connection({})).toEqual({ url: test.url, token: test.token });
  });

  it('is the one of GANTRY_CONTEXT', async () => {
    await saveContexts(both);
    expect(await connection({ GANTRY_CONTEXT: 'prod' })).toEqual({
      url: prod.url,
      token: prod.token,
    });
  });

  it('comes from the environment', async () => {
    const environment = { GANTRY_URL: 'https://g.example/', GANTRY_TOKEN: 't' };
    expect(await connection(environment)).toEqual({ url: 'https://g.example', token: 't' });
  });

  it('never sends the token of a context to another URL', async () => {
    await saveContexts(both);
    await expect(
      connection({ GANTRY_CONTEXT: 'prod', GANTRY_URL: 'https://t.example' }),
    ).rejects.toThrow('a token for https://t.example');
  });

  it('of an unknown context names the saved ones', async () => {
    await saveContexts(both);
    await expect(connection({ GANTRY_CONTEXT: 'prd' })).rejects.toThrow(
      'found "prd"; there are prod, test',
    );
  });

  it('that is missing is an error that names the way to one', async () => {
    await expect(connection({})).rejects.toThrow(/gantry login --url/);
    await saveContexts({ ...both, current: null });
    await expect(connection({})).rejects.toThrow(/gantry context use/);
  });
});

describe('the file of contexts', () => {
  it('is readable by its owner only', async () => {
    const file = await saveContexts(addContext(none, prod));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, 'gantry'))).mode & 0o777).toBe(0o700);
  });

  it('of an earlier build is one context', async () => {
    await saveContexts(none);
    await writeFile(configFile(), JSON.stringify({ url: prod.url, token: prod.token }));
    expect(await readContexts()).toEqual(addContext(none, { ...prod, name: 'default' }));
  });

  it('that is something else is an error', async () => {
    await saveContexts(none);
    await writeFile(configFile(), '{"url": 1}');
    await expect(readContexts()).rejects.toMatchObject({ code: 'io_error' });
  });

  it('replaces a context of the same name, and has no current one after its removal', () => {
    const again = { ...prod, token: 'gantry_new' };
    expect(addContext(addContext(none, prod), again).contexts).toEqual([again]);
    expect(removeContext(addContext(none, prod), 'prod')).toEqual(none);
  });
});

it('context show and list print the account and no token', async () => {
  await saveContexts(addContext(none, { ...prod, account: 'acme' }));
  const env = { XDG_CONFIG_HOME: home };
  const shown = await runGantry(['context', 'show'], { env });
  const listed = await runGantry(['context', 'list', '--json'], { env });

  expect(shown.stdout).toContain(prod.url);
  expect(listed.stdout).toContain('"account": "acme"');
  expect(`${shown.stdout}${listed.stdout}`).not.toContain(prod.token);
});

it('--context overrides the variables of the shell, wherever it stands', async () => {
  await saveContexts(addContext(none, { ...prod, url: 'http://127.0.0.1:9' }));
  const env = { XDG_CONFIG_HOME: home, GANTRY_URL: 'http://127.0.0.1:8', GANTRY_TOKEN: 't' };
  for (const line of [
    ['--context', 'prod', 'whoami'],
    ['whoami', '--context', 'prod'],
  ]) {
    expect((await runGantry(line, { env })).stderr).toContain('http://127.0.0.1:9');
  }
});
