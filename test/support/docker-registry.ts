import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { RegistryClient } from '../../shared/registry/client.ts';
import { parseJson } from '../../shared/registry/schema.ts';

/** A real registry (distribution, as Debian packages it) of a test's own. */
export interface DockerRegistry {
  /** `127.0.0.1:<port>` */
  host: string;
  /** `http://127.0.0.1:<port>` */
  url: string;
  /** Where blobs lie: `docker/registry/v2/blobs/sha256/<2 hex>/<hex>/data`. */
  storageDir: string;
  stop: () => Promise<void>;
}

/** What `auth: 'basic'` asks for. The hash of the password is bcrypt, the only one distribution takes. */
export const basicCredentials = { username: 'gantry', password: 'secret-for-tests' };
const passwordHash = '$2b$05$gantrytestsupportsaltunT.vGhmZlqlJMqen1ksEfWQnxZnAilu';

const startMs = 10_000;

/** The program that the tests need, for naming a prerequisite. */
export const dockerRegistryProgram = 'docker-registry';

/** Starts a `docker-registry` on a free loopback port with a storage directory of its own. */
export async function startDockerRegistry(options: { auth?: 'basic' } = {}): Promise<DockerRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-registry-'));
  const storageDir = join(directory, 'storage');
  const host = `127.0.0.1:${await freePort()}`;
  await writeFile(join(directory, 'htpasswd'), `${basicCredentials.username}:${passwordHash}\n`);
  await writeFile(join(directory, 'config.yml'), configuration(directory, storageDir, host, options.auth));
  const child = spawn(dockerRegistryProgram, ['serve', join(directory, 'config.yml')], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH ?? '', OTEL_TRACES_EXPORTER: 'none' },
  });
  const stop = async () => {
    await ended(child);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await answering(child, `http://${host}/v2/`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host, url: `http://${host}`, storageDir, stop };
}

const layoutIndex = z.object({
  manifests: z.array(
    z.object({
      mediaType: z.string(),
      digest: z.string(),
      size: z.number(),
      annotations: z.record(z.string(), z.string()).optional(),
    }),
  ),
});
const links = z.looseObject({
  mediaType: z.string().optional(),
  config: z.looseObject({ digest: z.string() }).optional(),
  layers: z.array(z.looseObject({ digest: z.string() })).optional(),
  manifests: z.array(z.looseObject({ digest: z.string() })).optional(),
});

/**
 * Pushes an OCI image layout into a repository: every blob, manifest and tag. Blobs whose bytes differ from their name
 * are what the layout wants the registry to hold: they go into the storage directly, since no registry takes them.
 */
export async function loadLayout(registry: DockerRegistry, repository: string, layoutDir: string): Promise<void> {
  const client = new RegistryClient({ host: registry.host, credentials: basicCredentials });
  const blob = (digest: string) => readFile(join(layoutDir, 'blobs', digest.replace(':', '/')));
  const index = parseJson(layoutIndex, await readFile(join(layoutDir, 'index.json')), 'an OCI layout');

  const pushManifest = async (digest: string, mediaType: string, tag?: string): Promise<void> => {
    const bytes = await blob(digest);
    const { config, layers = [], manifests = [] } = parseJson(links, bytes, 'a manifest');
    for (const child of manifests) {
      const childType = index.manifests.find((entry) => entry.digest === child.digest)?.mediaType;
      await pushManifest(child.digest, childType ?? 'application/vnd.oci.image.manifest.v1+json');
    }
    for (const { digest: layer } of [...(config ? [config] : []), ...layers]) {
      await pushBlob(client, registry, repository, layer, await blob(layer));
    }
    await client.putManifest(repository, tag ?? digest, { bytes, mediaType });
  };
  // Children before the indexes that list them.
  const order = [...index.manifests].sort((a, b) => Number(isIndex(a.mediaType)) - Number(isIndex(b.mediaType)));
  for (const { digest, mediaType, annotations } of order) {
    await pushManifest(digest, mediaType, annotations?.['org.opencontainers.image.ref.name']);
  }
}

/** Overwrites a blob's bytes in a registry's storage. */
export async function overwriteBlob(registry: DockerRegistry, digest: string, bytes: Uint8Array): Promise<void> {
  const hex = digest.replace('sha256:', '');
  const directory = join(registry.storageDir, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex);
  await writeFile(join(directory, 'data'), bytes);
}

async function pushBlob(
  client: RegistryClient,
  registry: DockerRegistry,
  repository: string,
  digest: string,
  bytes: Uint8Array,
): Promise<void> {
  const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  if (found === digest) {
    await client.pushBlob(repository, { digest, size: bytes.length }, bytes);
    return;
  }
  await linkBlob(registry, repository, digest, bytes);
}

/** Puts a blob into the storage past the API, with the link that makes a repository serve it. */
async function linkBlob(registry: DockerRegistry, repository: string, digest: string, bytes: Uint8Array) {
  const hex = digest.replace('sha256:', '');
  const root = join(registry.storageDir, 'docker/registry/v2');
  await mkdir(join(root, 'blobs/sha256', hex.slice(0, 2), hex), { recursive: true });
  await overwriteBlob(registry, digest, bytes);
  const link = join(root, 'repositories', repository, '_layers/sha256', hex);
  await mkdir(link, { recursive: true });
  await writeFile(join(link, 'link'), digest);
}

function isIndex(mediaType: string): boolean {
  return mediaType.includes('index') || mediaType.includes('manifest.list');
}

function configuration(directory: string, storageDir: string, host: string, auth: 'basic' | undefined): string {
  const authentication = auth
    ? ['auth:', '  htpasswd:', '    realm: gantry tests', `    path: ${join(directory, 'htpasswd')}`]
    : [];
  return [
    'version: 0.1',
    'log: { level: error }',
    `storage: { filesystem: { rootdirectory: ${storageDir} }, delete: { enabled: true } }`,
    `http: { addr: "${host}" }`,
    ...authentication,
    '',
  ].join('\n');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  return address.port;
}

async function answering(child: ChildProcess, url: string): Promise<void> {
  let failure: Error | undefined;
  child.on('error', (error) => {
    failure = error;
  });
  for (const deadline = Date.now() + startMs; Date.now() < deadline; ) {
    if (failure) throw failure;
    if (child.exitCode !== null) throw new Error(`${dockerRegistryProgram} ended with ${child.exitCode}`);
    const answer = await fetch(url).catch(() => null);
    if (answer && [200, 401].includes(answer.status)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${dockerRegistryProgram} did not answer within ${startMs} ms`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exit;
}
