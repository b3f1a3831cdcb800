import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort, startDockerRegistry } from '../../docker-registry.ts';
import { run } from '../../run.ts';
import type { Login } from '../bench.ts';
import { moduleDirectory, type ProgramName } from '../programs.ts';

/** A registry that runs on a loopback port. */
export interface Peer {
  host: string;
  /** What it asks of everybody, readers too. */
  login?: Login;
  stop: () => Promise<void>;
}

interface Registry {
  name: string;
  program: ProgramName;
  what: string;
  /** @param directory an empty one of its own */
  start: (path: string, directory: string) => Promise<Peer>;
}

/** The registries of the matrix. */
export const registries = [
  {
    name: 'docker-registry',
    program: 'docker-registry',
    what: 'distribution 2 as Debian packages it',
    start: (program) => startDockerRegistry({ program }),
  },
  {
    name: 'distribution',
    program: 'distribution',
    what: 'distribution 3',
    start: (program) => startDockerRegistry({ program }),
  },
  {
    name: 'zot',
    program: 'zot',
    what: 'zot without extensions, with `compat: [docker2s2]`',
    start: startZot,
  },
  {
    name: 'olareg',
    program: 'olareg',
    what: 'the registry of regclient',
    start: (path, directory) =>
      startServer(path, directory, (port) => [
        ...['serve', '--addr', '127.0.0.1', '--port', port, '--dir', directory],
      ]),
  },
  {
    name: 'crane-serve',
    program: 'crane',
    what: 'go-containerregistry, `crane registry serve`',
    start: (path, directory) =>
      startServer(path, directory, (port) => [
        ...['registry', 'serve', '--address', `127.0.0.1:${port}`],
      ]),
  },
  {
    name: 'gitea',
    program: 'gitea',
    what: 'Gitea that asks everybody for a login',
    start: startGitea,
  },
] as const satisfies Registry[];
export type RegistryName = (typeof registries)[number]['name'];

const startMs = 60_000;

async function startZot(path: string, directory: string): Promise<Peer> {
  return startServer(path, directory, async (port) => {
    const config = join(directory, 'config.json');
    const settings = {
      distSpecVersion: '1.1.1',
      storage: { rootDirectory: join(directory, 'storage') },
      // Without it, zot refuses Docker's media types.
      http: { address: '127.0.0.1', port, compat: ['docker2s2'] },
      log: { level: 'error' },
    };
    await writeFile(config, JSON.stringify(settings));
    return ['serve', config];
  });
}

/** The owner of the matrix's repositories, which only Gitea knows as a user. */
export const owner = 'author';

async function startGitea(path: string, directory: string): Promise<Peer> {
  const login = { username: owner, password: 'secret-of-the-author' };
  const config = join(directory, 'app.ini');
  const gitea = (...args: string[]) => run(path, ['--config', config, ...args], { cwd: directory });

  const peer = await startServer(path, directory, async (port) => {
    await writeFile(config, giteaSettings(directory, port, await moduleDirectory('gitea')));
    await gitea('migrate');
    await gitea(
      ...['admin', 'user', 'create', '--username', login.username, '--password', login.password],
      ...['--email', `${owner}@gantry.example`, '--must-change-password=false'],
    );
    return ['--config', config, 'web'];
  });
  return { ...peer, login };
}

function giteaSettings(directory: string, port: string, source: string): string {
  return `
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
RUN_MODE = prod
WORK_PATH = ${directory}

[server]
HTTP_ADDR = 127.0.0.1
HTTP_PORT = ${port}
ROOT_URL = http://127.0.0.1:${port}/
DISABLE_SSH = true
OFFLINE_MODE = true
STATIC_ROOT_PATH = ${source}

[database]
DB_TYPE = sqlite3
PATH = ${join(directory, 'gitea.db')}

[security]
INSTALL_LOCK = true
SECRET_KEY = interop

[service]
REQUIRE_SIGNIN_VIEW = true

[log]
LEVEL = warn
`;
}

/**
 * Starts a registry on a free port and waits until it responds.
 * @throws Error with its name if it does not; its log is in the directory
 */
async function startServer(
  path: string,
  directory: string,
  argumentsFor: (port: string) => string[] | Promise<string[]>,
): Promise<Peer> {
  const port = String(await freePort());
  const host = `127.0.0.1:${port}`;
  await mkdir(directory, { recursive: true });

  const args = await argumentsFor(port);
  const log = openSync(join(directory, 'log'), 'a');
  const child = spawn(path, args, { cwd: directory, stdio: ['ignore', log, log] });
  const stop = () => end(child);

  try {
    await untilResponding(child, `http://${host}/v2/`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host, stop };
}

async function untilResponding(child: ChildProcess, url: string): Promise<void> {
  let failure: Error | undefined;
  child.on('error', (error) => {
    failure = error;
  });

  for (const deadline = Date.now() + startMs; Date.now() < deadline; ) {
    if (failure) throw failure;
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended; see its log`);

    const response = await fetch(url).catch(() => null);
    if (response && [200, 401].includes(response.status)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`expected ${child.spawnfile} to respond at ${url}; see its log`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
}
