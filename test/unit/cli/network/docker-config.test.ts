import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDockerCredentials } from '../../../../cli/network/docker-config.ts';

const auth = Buffer.from('user:pass:word').toString('base64');
const user = { username: 'user', password: 'pass:word' };

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
    'if [ "$server" = anyone.test ]; then echo \'{"Username":"","Secret":""}\'; exit 0; fi',
    'if [ "$server" = odd.test ]; then echo \'{"Secret":"hidden"}\'; exit 0; fi',
    'if [ "$server" = locked.test ]; then echo "the key ring is locked"; exit 1; fi',
    'if [ "$server" = mute.test ]; then exit 3; fi',
    'if [ "$server" = https://index.docker.io/v1/ ]; then echo \'{"Username":"hub","Secret":"s"}\'; exit 0; fi',
    'echo "credentials not found in native keychain"; exit 1',
  ];

  await writeFile(helper, `${script.join('\n')}\n`);
  await chmod(helper, 0o755);
  env = { PATH: `${directory}:${process.env.PATH}`, DOCKER_CONFIG: directory, HOME: directory };
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** Writes a configuration and returns its path. */
async function write(config: unknown, name = 'config.json'): Promise<string> {
  const path = join(directory, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof config === 'string' ? config : JSON.stringify(config));
  return path;
}

async function lookUp(config: unknown, host: string, repository = 'team/module') {
  await write(config);
  return readDockerCredentials({ host, repository }, env);
}

describe('credentials of docker login', () => {
  test('are read by host', async () => {
    expect(await lookUp({ auths: { 'r.test': { auth } } }, 'r.test')).toEqual(user);
  });

  test('of another host, or none, are none', async () => {
    expect(await lookUp({ auths: { 'r.test': { auth } } }, 'r.test:5000')).toBeNull();
    expect(await lookUp({ auths: { 'r.test:5000': { auth } } }, 'r.test')).toBeNull();
    expect(await lookUp({}, 'r.test')).toBeNull();
    expect(await lookUp('', 'r.test'), 'bazel-contrib/rules_oci#127').toBeNull();
    expect(await lookUp({ auths: { 'r.test': {}, 'q.test': null } }, 'r.test')).toBeNull();

    const nowhere = { ...env, DOCKER_CONFIG: join(directory, 'nowhere') };
    expect(await readDockerCredentials({ host: 'r.test', repository: 'a/b' }, nowhere)).toBeNull();
  });

  test('may be an identity token, which only buys bearer tokens', async () => {
    const identitytoken = 'refresh-me';
    expect(await lookUp({ auths: { 'r.test': { auth: '', identitytoken } } }, 'r.test')).toEqual({
      identityToken: 'refresh-me',
    });
  });

  test('may be a bearer token of the registry', async () => {
    expect(await lookUp({ auths: { 'r.test': { registrytoken: 'b' } } }, 'r.test')).toEqual({
      registryToken: 'b',
    });
  });

  test('lose the padding of old versions of docker', async () => {
    const padded = Buffer.from('user:pass\0\0').toString('base64');
    expect(await lookUp({ auths: { 'r.test': { auth: padded } } }, 'r.test')).toEqual({
      username: 'user',
      password: 'pass',
    });
  });

  test('of a broken file are an error without its content', async () => {
    for (const config of ['{', '[]', { auths: { 'r.test': { auth: 7, password: 'hidden' } } }]) {
      const error = await lookUp(config, 'r.test').catch((caught: Error) => caught);
      expect(error).toMatchObject({ code: 'io_error' });
      expect(`${error} ${(error as Error).cause}`).not.toContain('hidden');
    }
  });

  test('that are only half there are an error that names them', async () => {
    const half = [
      { entry: { username: 'u' }, says: 'for r.test holds a user name without a password' },
      { entry: { password: 'p' }, says: 'for r.test holds a password without a user name' },
      { entry: { auth: '////' }, says: 'for r.test holds no "user:password"' },
    ];
    for (const { entry, says } of half) {
      await expect(lookUp({ auths: { 'r.test': entry } }, 'r.test')).rejects.toMatchObject({
        code: 'io_error',
        message: expect.stringContaining(says),
      });
    }
  });
});

// findings/registries.md, row 12: kubewarden/adm-controller#1734, docker/cli#2122,
// google/go-containerregistry#555.
describe('report docker-config', () => {
  test('user name and password without auth, as Kubernetes writes them', async () => {
    const entry = { username: 'user', password: 'pass:word' };
    expect(await lookUp({ auths: { 'r.example.com': entry } }, 'r.example.com')).toEqual(user);
  });

  test.each([
    ['https://r.example.com/', 'r.example.com'],
    ['https://r.example.com', 'r.example.com'],
    ['http://r.example.com', 'r.example.com'],
    ['https://r.example.com/v1/', 'r.example.com'],
    ['https://r.example.com/v2/', 'r.example.com'],
    ['r.example.com/v2', 'r.example.com'],
    ['r.example.com:443', 'r.example.com'],
    ['R.Example.com', 'r.example.com'],
    ['HTTPS://R.Example.com:5000/', 'r.example.com:5000'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['index.docker.io', 'docker.io'],
    ['docker.io', 'docker.io'],
    ['https://registry-1.docker.io/v2/', 'docker.io'],
  ])('the key %s is found for %s', async (key, host) => {
    expect(await lookUp({ auths: { [key]: { auth } } }, host)).toEqual(user);
  });

  test('a key as the host is written comes before its other forms', async () => {
    const other = Buffer.from('other:x').toString('base64');
    const auths = { 'https://r.test/v2/': { auth: other }, 'r.test': { auth } };
    expect(await lookUp({ auths }, 'r.test')).toEqual(user);
  });
});

describe('a namespace of podman', () => {
  const of = (name: string) => ({ auth: Buffer.from(`${name}:x`).toString('base64') });
  const auths = {
    'r.test': of('host'),
    'r.test/team': of('team'),
    'r.test/team/module': of('module'),
  };

  test.each([
    ['team/module', 'module'],
    ['team/modules', 'team'],
    ['team/other/deep', 'team'],
    ['teams/module', 'host'],
  ])('%s uses the most specific entry, of %s', async (repository, username) => {
    expect(await lookUp({ auths }, 'r.test', repository)).toMatchObject({ username });
  });

  test('has no credentials for the rest of its host', async () => {
    expect(await lookUp({ auths: { 'r.test/team': { auth } } }, 'r.test', 'b/c')).toBeNull();
  });
});

describe('a credential helper', () => {
  test('gives what the file does not hold', async () => {
    expect(await lookUp({ credHelpers: { 'helped.test': 'test' } }, 'helped.test')).toEqual({
      username: 'h',
      password: 's',
    });
    expect(await lookUp({ credsStore: 'test' }, 'helped.test')).toMatchObject({ username: 'h' });
    expect(await lookUp({ credsStore: 'test' }, 'docker.io')).toMatchObject({ username: 'hub' });
    expect(await lookUp({ credHelpers: { 'token.test': 'test' } }, 'token.test')).toEqual({
      identityToken: 'idt',
    });
  });

  test('is found by a key in any form', async () => {
    const credHelpers = { 'https://HELPED.test/': 'test' };
    expect(await lookUp({ credHelpers }, 'helped.test')).toMatchObject({ username: 'h' });
  });

  test('without the credentials leaves the file to have them', async () => {
    expect(await lookUp({ credsStore: 'test', auths: { 'r.test': { auth } } }, 'r.test')).toEqual(
      user,
    );
  });

  test('that returns an empty user and secret has no credentials (bazel-contrib/rules_oci#731)', async () => {
    expect(await lookUp({ credsStore: 'test' }, 'anyone.test')).toBeNull();
  });

  test('with an empty name is none, as docker has it', async () => {
    const config = {
      credsStore: 'missing',
      credHelpers: { 'r.test': '' },
      auths: { 'r.test': { auth } },
    };
    expect(await lookUp(config, 'r.test')).toEqual(user);
    expect(await lookUp({ credsStore: '' }, 'r.test')).toBeNull();
  });

  test.each(['../test', '/test', 'test/../test', 'test '])(
    'named "%s" is not started',
    async (credsStore) => {
      await expect(lookUp({ credsStore }, 'helped.test')).rejects.toMatchObject({
        code: 'io_error',
        message: `"${credsStore}" is no credential helper`,
      });
    },
  );

  test.each([
    ['locked.test', 'found the key ring is locked; log in again'],
    ['mute.test', 'found exit code 3'],
    ['odd.test', 'expected a response of docker-credential-test, found another text'],
  ])('that fails for %s is an error, so that nobody pushes as nobody', async (host, message) => {
    await expect(lookUp({ credsStore: 'test' }, host)).rejects.toMatchObject({
      code: 'io_error',
      message: expect.stringContaining(message),
    });
  });

  test('that is missing is an error', async () => {
    await expect(lookUp({ credsStore: 'missing' }, 'r.test')).rejects.toMatchObject({
      code: 'io_error',
      message: 'docker-credential-missing cannot be started',
    });
  });
});

describe('sources', () => {
  const named = (username: string) => ({
    auths: { 'r.test': { auth: Buffer.from(`${username}:x`).toString('base64') } },
  });
  const read = (more: NodeJS.ProcessEnv, host = 'r.test') =>
    readDockerCredentials({ host, repository: 'a/b' }, { ...env, ...more });

  test('DOCKER_AUTH_CONFIG comes first, and leaves other hosts to the files', async () => {
    await write(named('file'));
    const given = { DOCKER_AUTH_CONFIG: JSON.stringify(named('variable')) };
    expect(await read(given)).toMatchObject({ username: 'variable' });

    await write({ auths: { 'other.test': { auth } } });
    expect(await read(given, 'other.test')).toEqual(user);
  });

  test('a broken DOCKER_AUTH_CONFIG is an error', async () => {
    await expect(read({ DOCKER_AUTH_CONFIG: '{' })).rejects.toMatchObject({
      code: 'io_error',
      message: 'expected DOCKER_AUTH_CONFIG to be a Docker configuration',
    });
  });

  test('REGISTRY_AUTH_FILE replaces the files, and must be there', async () => {
    await write(named('file'));
    const path = await write(named('skopeo'), 'auth.json');
    expect(await read({ REGISTRY_AUTH_FILE: path })).toMatchObject({ username: 'skopeo' });
    expect(await read({ REGISTRY_AUTH_FILE: await write({}, 'empty.json') })).toBeNull();

    await expect(read({ REGISTRY_AUTH_FILE: join(directory, 'gone') })).rejects.toMatchObject({
      code: 'io_error',
    });
  });

  test("docker's file comes before those of podman", async () => {
    await write(named('docker'));
    await write(named('runtime'), 'run/containers/auth.json');
    await write(named('home'), '.config/containers/auth.json');
    const runtime = { XDG_RUNTIME_DIR: join(directory, 'run') };

    expect(await read(runtime)).toMatchObject({ username: 'docker' });
    await write({});
    expect(await read(runtime)).toMatchObject({ username: 'runtime' });
    expect(await read({})).toMatchObject({ username: 'home' });
  });
});
