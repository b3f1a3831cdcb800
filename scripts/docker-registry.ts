import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A real registry (distribution, as Debian packages it) for a test or a check of its own. */
export interface DockerRegistry {
  /** `127.0.0.1:<port>` */
  host: string;
  /** `http://127.0.0.1:<port>`, or `https://…` with `tls`. */
  url: string;
  /** The directory of the blobs: `docker/registry/v2/blobs/sha256/<2 hex>/<hex>/data`. */
  storageDir: string;
  stop: () => Promise<void>;
}

/**
 * The login of `auth: 'basic'`. The hash of the password is bcrypt, the only one that distribution
 * accepts.
 */
export const basicCredentials = { username: 'gantry', password: 'secret-for-tests' };
const passwordHash = '$2b$05$gantrytestsupportsaltunT.vGhmZlqlJMqen1ksEfWQnxZnAilu';

const startMs = 10_000;

/** The program that the tests need. Messages about prerequisites name it. */
export const dockerRegistryProgram = 'docker-registry';

export interface DockerRegistryOptions {
  /**
   * A password, or bearer tokens that a token service signs with the key of a certificate (PEM
   * file).
   */
  auth?: 'basic' | { realm: string; service: string; issuer: string; certificateFile: string };
  /**
   * Files (PEM) of its certificate and key, and of the authorities whose clients alone it accepts.
   */
  tls?: { certificate: string; key: string; clientAuthorities?: string[] };
  /** The default is a free port. */
  port?: number;
  /** Another release of distribution; the default is the one on the PATH. */
  program?: string;
  /**
   * Caches what it knows of its blobs, as the configuration of its Debian package does. Without it,
   * a test can change the stored blobs.
   */
  cached?: boolean;
  /** The URL that it notifies of pushes and pulls, and the value that it sends as Authorization. */
  notifications?: { url: string; authorization: string };
}

/** Starts a `docker-registry` on a loopback port with a storage directory of its own. */
export async function startDockerRegistry(
  options: DockerRegistryOptions = {},
): Promise<DockerRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-registry-'));
  const storageDir = join(directory, 'storage');
  const host = `127.0.0.1:${options.port ?? (await freePort())}`;

  await writeFile(join(directory, 'htpasswd'), `${basicCredentials.username}:${passwordHash}\n`);
  await writeFile(
    join(directory, 'config.yml'),
    configuration(directory, storageDir, host, options),
  );

  const program = options.program ?? dockerRegistryProgram;
  const child = spawn(program, ['serve', join(directory, 'config.yml')], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH ?? '', OTEL_TRACES_EXPORTER: 'none' },
  });
  const stop = async () => {
    await ended(child);
    await rm(directory, { recursive: true, force: true });
  };

  try {
    await answering(child, host);
  } catch (error) {
    await stop();
    throw error;
  }

  const scheme = options.tls === undefined ? 'http' : 'https';
  return { host, url: `${scheme}://${host}`, storageDir, stop };
}

/** The registry's YAML, written as JSON, which is YAML too. */
function configuration(
  directory: string,
  storageDir: string,
  host: string,
  options: DockerRegistryOptions,
): string {
  const { auth, cached, notifications, tls } = options;
  const password = { htpasswd: { realm: 'gantry tests', path: join(directory, 'htpasswd') } };

  const token = (given: Exclude<typeof auth, 'basic' | undefined>) => ({
    token: {
      realm: given.realm,
      service: given.service,
      issuer: given.issuer,
      rootcertbundle: given.certificateFile,
    },
  });

  const endpoint = {
    name: 'hook',
    url: notifications?.url,
    headers: { Authorization: [notifications?.authorization] },
    timeout: '5s',
    threshold: 3,
    backoff: '1s',
  };

  return JSON.stringify({
    version: '0.1',
    log: { level: 'error' },
    storage: {
      filesystem: { rootdirectory: storageDir },
      delete: { enabled: true },
      ...(cached ? { cache: { blobdescriptor: 'inmemory' } } : {}),
    },
    http: { addr: host, ...(tls === undefined ? {} : { tls: tlsConfiguration(tls) }) },
    ...(auth === undefined ? {} : { auth: auth === 'basic' ? password : token(auth) }),
    ...(notifications === undefined ? {} : { notifications: { endpoints: [endpoint] } }),
  });
}

function tlsConfiguration(tls: NonNullable<DockerRegistryOptions['tls']>) {
  const { certificate, key, clientAuthorities } = tls;
  return {
    certificate,
    key,
    ...(clientAuthorities === undefined ? {} : { clientcas: clientAuthorities }),
  };
}

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('expected a port');

  return address.port;
}

/** Waits until the registry accepts connections, which may need a client's certificate. */
async function answering(child: ChildProcess, host: string): Promise<void> {
  const [address, port] = host.split(':');
  let failure: Error | undefined;
  child.on('error', (error) => {
    failure = error;
  });

  for (const deadline = Date.now() + startMs; Date.now() < deadline; ) {
    if (failure) throw failure;
    if (child.exitCode !== null)
      throw new Error(`${dockerRegistryProgram} ended with ${child.exitCode}`);

    if (await accepts(Number(port), address)) return;

    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  throw new Error(`${dockerRegistryProgram} did not respond within ${startMs} ms`);
}

function accepts(port: number, address: string | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, ...(address === undefined ? {} : { host: address }) });
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.end());
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exit;
}
