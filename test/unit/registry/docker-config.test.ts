import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDockerCredentials } from '../../../shared/registry/docker-config.ts';

let directory: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-docker-'));
  const helper = join(directory, 'docker-credential-test');

  const script = [
    '#!/bin/sh',
    'read -r server',
    'if [ "$server" = helped.test ]; then echo \'{"ServerURL":"helped.test","Username":"h","Secret":"s"}\'; exit 0; fi',
    'if [ "$server" = token.test ]; then echo \'{"Username":"<token>","Secret":"idt"}\'; exit 0; fi',
    'echo "credentials not found in native keychain"; exit 1',
  ];

  await writeFile(helper, `${script.join('\n')}\n`);
  await chmod(helper, 0o755);
  env = { PATH: `${directory}:${process.env.PATH}`, DOCKER_CONFIG: directory };
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function lookUp(config: unknown, host: string) {
  await writeFile(
    join(directory, 'config.json'),
    typeof config === 'string' ? config : JSON.stringify(config),
  );
  return readDockerCredentials(host, env);
}

describe('credentials of docker login', () => {
  const auth = Buffer.from('user:pass:word').toString('base64');

  test('are read by host, with and without https', async () => {
    expect(await lookUp({ auths: { 'r.test': { auth } } }, 'r.test')).toEqual({
      username: 'user',
      password: 'pass:word',
    });
    expect(await lookUp({ auths: { 'https://r.test': { auth } } }, 'r.test')).toMatchObject({
      username: 'user',
    });

    expect(
      await lookUp({ auths: { 'https://index.docker.io/v1/': { auth } } }, 'docker.io'),
    ).toMatchObject({
      username: 'user',
    });
  });

  test('of another host, or none, are none', async () => {
    expect(await lookUp({ auths: { 'r.test': { auth } } }, 'r.test:5000')).toBeNull();
    expect(await lookUp({}, 'r.test')).toBeNull();
    expect(
      await readDockerCredentials('r.test', { DOCKER_CONFIG: join(directory, 'nowhere') }),
    ).toBeNull();
  });

  test('come from a helper that the file names', async () => {
    expect(await lookUp({ credHelpers: { 'helped.test': 'test' } }, 'helped.test')).toEqual({
      username: 'h',
      password: 's',
    });
    expect(await lookUp({ credsStore: 'test' }, 'helped.test')).toMatchObject({ username: 'h' });

    expect(
      await lookUp({ credsStore: 'test', auths: { 'r.test': { auth } } }, 'r.test'),
    ).toMatchObject({
      username: 'user',
    });
  });

  test('may be an identity token, which only buys bearer tokens', async () => {
    const identitytoken = 'refresh-me';
    expect(await lookUp({ auths: { 'r.test': { auth: '', identitytoken } } }, 'r.test')).toEqual({
      identityToken: 'refresh-me',
    });
    expect(await lookUp({ credHelpers: { 'token.test': 'test' } }, 'token.test')).toEqual({
      identityToken: 'idt',
    });
  });

  test.each(['../test', '/test', 'test/../test', 'test '])(
    'a helper named "%s" is not started',
    async (credsStore) => {
      await expect(lookUp({ credsStore }, 'helped.test')).rejects.toMatchObject({
        code: 'io_error',
        message: `"${credsStore}" is no credential helper`,
      });
    },
  );

  test('a broken file, a missing helper and a helper with a path are errors', async () => {
    for (const config of [
      '{',
      '[]',
      { credsStore: 'missing' },
      { credsStore: '../test' },
      { auths: { 'r.test': { auth: '////' } } },
    ]) {
      await expect(lookUp(config, 'r.test')).rejects.toMatchObject({ code: 'io_error' });
    }
  });
});
