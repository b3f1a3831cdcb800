import { generateKeyPairSync } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openTarget, type RegistryFlags } from '../../../../cli/input/registry-target.ts';
import { type DockerRegistry, startDockerRegistry } from '../../../support/docker-registry.ts';
import { runGantry } from '../../../support/gantry.ts';
import { type HttpProxy, startHttpProxy } from '../../../support/http-proxy.ts';
import { codeOf, sendJson, startHttpServer } from '../../../support/http-server.ts';
import { createTlsAuthority, type TlsAuthority } from '../../../support/tls-authority.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });

let directory: string;
let authority: TlsAuthority;
/** Its name is `registry.test`, which only proxies can resolve. */
let registry: DockerRegistry;
/** It wants a client's certificate of the authority. */
let strict: DockerRegistry;
let client: { clientCert: string; clientKey: string };
let proxy: HttpProxy | undefined;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-networks-'));
  authority = await createTlsAuthority();
  const server = await authority.issue('registry.test', ['127.0.0.1']);
  const person = await authority.issue('client.test');

  client = { clientCert: person.certificate, clientKey: person.key };
  registry = await startDockerRegistry({ tls: server });
  strict = await startDockerRegistry({
    tls: { ...server, clientAuthorities: [authority.file] },
  });

  await writeFile(
    join(directory, 'author.key'),
    privateKey.export({ type: 'pkcs8', format: 'pem' }),
  );
  await writeFile(join(directory, 'author.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
});
afterEach(async () => {
  await proxy?.stop();
  proxy = undefined;
});
afterAll(async () => {
  await registry.stop();
  await strict.stop();
  await authority.close();
  await rm(directory, { recursive: true, force: true });
});

/** Pushes a small artifact to a registry by its address and returns the tag. */
async function pushSomething({ host }: DockerRegistry, flags: RegistryFlags): Promise<string> {
  const target = await openTarget(`${host}/acme/site:v1`, { caFile: authority.file, ...flags });
  const config = Buffer.from('{}');
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: {
      mediaType: 'application/vnd.oci.empty.v1+json',
      digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
      size: 2,
    },
    layers: [],
  };
  await target.client.pushBlob('acme/site', manifest.config, config);
  await target.client.putManifest('acme/site', 'v1', {
    bytes: Buffer.from(JSON.stringify(manifest)),
    mediaType: manifest.mediaType,
  });
  return 'acme/site:v1';
}

/** Runs a command of a module with the author's key, under a home without configuration. */
function gantry(line: string[], env: NodeJS.ProcessEnv = {}) {
  return runGantry(line, {
    cwd: directory,
    env: {
      COSIGN_PASSWORD: '',
      HOME: directory,
      XDG_CONFIG_HOME: join(directory, '.config'),
      NODE_EXTRA_CA_CERTS: undefined,
      SSL_CERT_FILE: undefined,
      HTTP_PROXY: undefined,
      HTTPS_PROXY: undefined,
      NO_PROXY: undefined,
      http_proxy: undefined,
      https_proxy: undefined,
      no_proxy: undefined,
      ...env,
    },
  });
}

const verify = (ref: string, ...more: string[]) => [
  ...['module', 'verify', ref, '--key', 'author.pub', '--no-require-tlog'],
  ...more,
];

// findings/registries.md, row 21: breadboard-ai/breadboard#75, node-fetch/node-fetch#1770.
describe('report proxy-env', () => {
  test('push, sign and verify tunnel through HTTPS_PROXY by CONNECT', async () => {
    const ref = `registry.test/${await pushSomething(registry, {})}`;
    proxy = await startHttpProxy({ hosts: { 'registry.test:443': registry.host } });
    const env = { HTTPS_PROXY: proxy.url, HTTP_PROXY: 'http://127.0.0.1:1' };
    const ca = ['--ca-file', authority.file];

    const signed = await gantry(['module', 'sign', ref, '--key', 'author.key', ...ca], env);
    expect(signed).toMatchObject({ code: 0, stderr: '' });
    expect(await gantry(verify(ref, ...ca), env)).toMatchObject({ code: 0, stderr: '' });

    expect(new Set(proxy.asked)).toEqual(new Set(['CONNECT registry.test:443']));
  });

  test('the API is called through HTTP_PROXY, which may need a password', async () => {
    const api = await startHttpServer((_, response) =>
      sendJson(response, { modules: [], next_cursor: null }),
    );
    proxy = await startHttpProxy({
      hosts: { 'gantry.test': api.host },
      authorization: `Basic ${Buffer.from('me:pass').toString('base64')}`,
    });

    try {
      const env = { GANTRY_URL: 'http://gantry.test', GANTRY_TOKEN: 'gantry_t' };
      const withLogin = proxy.url.replace('//', '//me:pass@');
      const listed = await gantry(['module', 'list'], { ...env, HTTP_PROXY: withLogin });
      expect(listed).toMatchObject({ code: 0, stderr: '' });
      expect(proxy.asked).toEqual(['GET http://gantry.test/api/v1/modules?limit=1000']);
      expect(api.requests[0]).toMatchObject({ authorization: 'Bearer gantry_t' });

      const refused = await gantry(['module', 'list'], { ...env, HTTP_PROXY: proxy.url });
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('407') });
    } finally {
      await api.stop();
    }
  });

  test('loopback is reached directly, unless NO_PROXY is set and empty', async () => {
    const api = await startHttpServer((_, response) =>
      sendJson(response, { modules: [], next_cursor: null }),
    );
    proxy = await startHttpProxy();

    try {
      const env = {
        GANTRY_URL: `http://${api.host}`,
        GANTRY_TOKEN: 'gantry_t',
        HTTP_PROXY: proxy.url,
      };
      expect(await gantry(['module', 'list'], env)).toMatchObject({ code: 0 });
      expect(proxy.asked).toEqual([]);
      expect(await gantry(['module', 'list'], { ...env, NO_PROXY: '' })).toMatchObject({ code: 0 });
      expect(proxy.asked).toHaveLength(1);
    } finally {
      await api.stop();
    }
  });

  test('a proxy that is not a URL is an error before any request', async () => {
    const env = { GANTRY_URL: 'http://gantry.test', GANTRY_TOKEN: 'x', HTTPS_PROXY: 'http://' };
    expect(await gantry(['module', 'list'], env)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected the URL of a proxy in HTTPS_PROXY'),
    });
  });
});

describe('a registry with an authority of its own', () => {
  const ref = () => `${registry.host}/acme/site:v1`;

  test('is refused where nobody trusts it, with a way forward', async () => {
    const { client: reader } = await openTarget(ref(), {});
    expect(await codeOf(reader.listTags('acme/site'))).toBe('registry_response_invalid');

    proxy = await startHttpProxy({ hosts: { 'registry.test:443': registry.host } });
    const refused = await gantry(verify('registry.test/acme/site:v1'), { HTTPS_PROXY: proxy.url });
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/registry\.test .*--ca-file .*\(registry_unreachable\)/),
    });
  });

  test.each(['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'])('is trusted by %s', async (name) => {
    await pushSomething(registry, {});
    proxy = await startHttpProxy({ hosts: { 'registry.test:443': registry.host } });
    const env = { HTTPS_PROXY: proxy.url, [name]: authority.file };
    const found = await gantry(verify('registry.test/acme/site:v1'), env);
    expect(found.stderr).not.toContain('registry_unreachable');
    expect(found.code).not.toBe(2);
  });

  test('is trusted by --ca-file, and read by https also on this machine', async () => {
    await pushSomething(registry, {});
    const { client: reader } = await openTarget(ref(), { caFile: authority.file });
    expect((await reader.listTags('acme/site')).tags).toContain('v1');
  });

  test('is trusted by certs.d of docker and podman', async () => {
    await pushSomething(registry, {});
    for (const place of ['containers', 'docker']) {
      const certs = join(directory, '.config', place, 'certs.d', registry.host);
      await mkdir(certs, { recursive: true });
      await copyFile(authority.file, join(certs, 'own.crt'));

      const found = await gantry(verify(ref()));
      expect(found.code).not.toBe(2);
      await rm(join(directory, '.config'), { recursive: true });
    }
  });
});

describe('a registry that wants a certificate of its clients', () => {
  const ref = () => `${strict.host}/acme/site:v1`;

  test('gets it by --client-cert and --client-key', async () => {
    await pushSomething(strict, client);
    const { client: reader } = await openTarget(ref(), { caFile: authority.file, ...client });
    expect((await reader.listTags('acme/site')).tags).toContain('v1');
  });

  test('gets it by certs.d, also through a proxy', async () => {
    await pushSomething(strict, client);
    proxy = await startHttpProxy({ hosts: { 'registry.test:443': strict.host } });
    const certs = join(directory, '.config/containers/certs.d/registry.test');
    await mkdir(certs, { recursive: true });
    await copyFile(authority.file, join(certs, 'ca.crt'));
    await copyFile(client.clientCert, join(certs, 'client.cert'));
    await copyFile(client.clientKey, join(certs, 'client.key'));

    const env = { HTTPS_PROXY: proxy.url };
    const ref = 'registry.test/acme/site:v1';
    const signed = await gantry(['module', 'sign', ref, '--key', 'author.key'], env);
    expect(signed).toMatchObject({ code: 0, stderr: '' });

    await rm(join(certs, 'client.key'));
    expect(await gantry(verify(ref), env)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('client.key cannot be read'),
    });
    await rm(join(directory, '.config'), { recursive: true });
  });

  test('is refused without one, in words that say so', async () => {
    const { client: reader } = await openTarget(ref(), { caFile: authority.file });
    await expect(reader.listTags('acme/site')).rejects.toMatchObject({
      code: 'registry_unreachable',
      message: expect.stringContaining('--client-cert'),
    });
  });
});

describe('options of certificates', () => {
  const open = (flags: RegistryFlags) => openTarget('registry.test/acme/site:v1', flags);

  test('name both the certificate and its key, or neither', async () => {
    await expect(open({ clientCert: client.clientCert })).rejects.toMatchObject({
      code: 'usage',
      message: 'expected both --client-cert and --client-key, or neither',
    });
  });

  test('name files that hold them', async () => {
    const other = join(directory, 'author.key');
    await expect(open({ caFile: other })).rejects.toMatchObject({
      code: 'io_error',
      message: `expected certificates in PEM in ${other}, found another text`,
    });
    await expect(open({ caFile: join(directory, 'gone') })).rejects.toMatchObject({
      code: 'io_error',
    });
    await expect(open({ ...client, clientKey: other })).rejects.toMatchObject({
      code: 'io_error',
      message: expect.stringContaining('with its unencrypted key'),
    });
  });
});
