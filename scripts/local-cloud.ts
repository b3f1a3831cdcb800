import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GantryError } from '../shared/base/error.ts';
import { run } from './run.ts';

export const projectRoot = fileURLToPath(new URL('..', import.meta.url));
export const localDirectory = join(projectRoot, '.local');

/**
 * The version is pinned, because its quirks are known (docs/development.md). It signs with KMS keys
 * only if cryptography is installed.
 */
const packages = ['ministack==1.5.33', 'cryptography==46.0.3'];
const readyTimeoutMs = 30_000;
/** Its state is written on SIGTERM. */
const stopTimeoutMs = 20_000;

/** The environment with which the SDK and the CDK reach a local cloud as its root. */
export function cloudEnvironment(endpoint: string): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
}

export interface LocalCloud {
  /** `http://127.0.0.1:<port>`, every AWS service. */
  endpoint: string;
  port: number;
  stop: () => Promise<void>;
}

/**
 * Starts the local cloud. Its state is in `directory` and outlives it. IAM is enforced. It ends
 * with this process.
 *
 * @throws GantryError `conflict` when one runs there already, `prerequisite_missing` when it cannot
 * be installed or started
 */
export async function startLocalCloud(directory: string, port: number): Promise<LocalCloud> {
  const python = await ensureVirtualEnvironment();
  mkdirSync(directory, { recursive: true });
  takeLock(directory);

  const logFile = join(directory, 'cloud.log');
  const temporary = join(directory, 'tmp');

  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  // The workers that it writes there are CommonJS; ours is a package of ES modules.
  writeFileSync(join(temporary, 'package.json'), '{"type":"commonjs"}');

  const log = openSync(logFile, 'w');
  const child = spawn(python, [join(projectRoot, 'scripts', 'local-cloud.py')], {
    cwd: directory,
    // It has its own process group, so that Ctrl-C reaches only this process, which stops it in
    // order.
    detached: true,
    stdio: ['pipe', log, log],
    env: ministackEnvironment(directory, temporary, port),
  });

  const endpoint = `http://127.0.0.1:${port}`;
  const stop = () => stopProcess(child).finally(() => rmSync(lockFile(directory), { force: true }));

  try {
    await waitReady(child, endpoint, logFile);
  } catch (error) {
    await stop();
    throw error;
  }

  return { endpoint, port, stop };
}

/** Only what it needs: Lambda functions inherit its environment. */
function ministackEnvironment(
  directory: string,
  temporary: string,
  port: number,
): Record<string, string> {
  return {
    // Functions run on the first `node` of this PATH.
    PATH: [join(projectRoot, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter),
    HOME: process.env.HOME ?? temporary,
    LANG: 'C.UTF-8',
    TMPDIR: temporary,
    BIND_HOST: '127.0.0.1',
    GATEWAY_PORT: String(port),
    AUTH: 'true',
    PERSIST_STATE: '1',
    STATE_DIR: join(directory, 'state'),
    S3_PERSIST: '1',
    S3_DATA_DIR: join(directory, 's3'),
    // Start only one listener, and do not look for a Docker daemon.
    IOT_MTLS_ENABLED: '0',
    SFTP_ENABLED: '0',
    DOCKER_HOST: 'unix:///nonexistent',
    LOG_LEVEL: process.env.GANTRY_CLOUD_LOG ?? 'WARNING',
  };
}

async function ensureVirtualEnvironment(): Promise<string> {
  const venv = join(localDirectory, 'venv');
  const python = join(venv, 'bin', 'python');
  const marker = join(venv, 'installed.txt');

  if (
    existsSync(marker) &&
    readFileSync(marker, 'utf8') === packages.join('\n') &&
    existsSync(python)
  )
    return python;

  process.stderr.write('Installing the local cloud…\n');
  rmSync(venv, { recursive: true, force: true });
  mkdirSync(localDirectory, { recursive: true });

  try {
    await run('python3', ['-m', 'venv', venv]);
    await run(python, [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      ...packages,
    ]);
  } catch (error) {
    throw new GantryError(
      'prerequisite_missing',
      `${packages.join(' and ')} could not be installed from PyPI: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }

  writeFileSync(marker, packages.join('\n'));
  return python;
}

async function waitReady(child: ChildProcess, endpoint: string, logFile: string): Promise<void> {
  const deadline = performance.now() + readyTimeoutMs;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    try {
      const response = await fetch(`${endpoint}/_ministack/ready`, {
        signal: AbortSignal.timeout(2000),
      });
      if (response.ok) return;
    } catch {
      // Not listening yet.
    }

    await sleep(100);
  }

  throw new GantryError(
    'prerequisite_missing',
    `The local cloud did not become ready; ${logFile} says why.`,
  );
}

async function stopProcess(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return;

  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    await Promise.race([exited, sleep(stopTimeoutMs, undefined, { ref: false })]);
  }

  try {
    // Stop the rest of its group, such as a function in the middle of a call.
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is.
  }
}

function lockFile(directory: string): string {
  return join(directory, 'lock');
}

/** Returns the process that runs a cloud on this directory's state, if there is one. */
export function runningCloud(directory: string): number | undefined {
  const file = lockFile(directory);
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, 'utf8'));
  return Number.isInteger(pid) && pid > 0 && isAlive(pid) ? pid : undefined;
}

/** Two clouds on one state would overwrite each other's. */
function takeLock(directory: string): void {
  const pid = runningCloud(directory);
  if (pid !== undefined) {
    throw new GantryError(
      'conflict',
      `Gantry's local cloud in ${directory} is already running, as process ${pid}.`,
    );
  }

  writeFileSync(lockFile(directory), String(process.pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
