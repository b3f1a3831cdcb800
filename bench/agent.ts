/**
 * What an agent costs its machine: the first reconcile of a root of 300 MB, ticks without a change,
 * an update of one file of 10,000, a rollback, and a month at rest.
 *
 *     node bench/agent.ts
 *
 * Each tick is a process of its own, as the packages start it: bundled, and by their launcher. Its
 * memory is the largest PSS that /proc showed, sampled every 10 ms.
 */
import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { bundleCli } from '../scripts/package/bundle.ts';
import { fsVerityDigest } from '../shared/composefs/index.ts';
import type { TreeEntry } from '../shared/domain/files/index.ts';
import { AgentServer } from './agent-server.ts';

export const name = 'agent';

const files = 10_000;
const fileBytes = 30_000;
/** What a reconcile of 300 MB, an update beside its file, and a rollback may take at most. */
const bounds = { pssMiB: 96, besideFileBytes: 64 * 1024, requests: 8, rollbackS: 5 };
/** 30 days of one tick a minute, of which one an hour reads every file. */
const month = { ticks: 30 * 24 * 60, fullLooks: 30 * 24 };
/** Clock ticks of the kernel in a second (proc_pid_stat(5)). */
const ticksPerSecond = 100;

interface Tick {
  wallS: number;
  cpuS: number;
  pssMiB: number;
}

/** Installs the command line below a directory, as the package does, and returns its launcher. */
async function install(directory: string): Promise<string> {
  await bundleCli(directory);
  const template = fileURLToPath(new URL('../packaging/gantry/launcher', import.meta.url));
  copyFileSync(join(template, '../launch.sh'), join(directory, 'launch.sh'));
  const script = readFileSync(template, 'utf8')
    .replaceAll('/usr/lib/gantry/node', process.execPath)
    .replaceAll('/usr/lib/gantry', directory);

  const launcher = join(directory, 'gantry');
  writeFileSync(launcher, script);
  chmodSync(launcher, 0o755);
  return launcher;
}

/** A root of files in 100 directories; each content begins with its number and a version. */
function makeTree(versionOf: (number: number) => number) {
  const contents = new Map<string, Uint8Array>();
  const plain = { uid: process.getuid?.() ?? 0, gid: 0, mtime: 1_700_000_000, mtime_ns: 0 };
  const directory = (path: string): TreeEntry => ({
    path,
    type: 'directory',
    mode: 0o755,
    size: 0,
    ...plain,
  });

  const entries = ['/', '/usr'].map(directory);
  for (let number = 0; number < files; number++) {
    const folder = `/usr/d${Math.floor(number / 100)}`;
    if (number % 100 === 0) entries.push(directory(folder));

    const path = `${folder}/file-${number}`;
    const bytes = Buffer.alloc(fileBytes, `${number} ${versionOf(number)}\n`);
    contents.set(path, bytes);
    entries.push({
      path,
      type: 'file',
      mode: 0o644,
      size: bytes.length,
      verity: fsVerityDigest(bytes),
      ...plain,
    });
  }

  return { entries, open: ({ path }: TreeEntry) => contents.get(path) as Uint8Array };
}

/** Runs a command of the agent, such as one tick, and samples what it takes. */
async function runAgent(launcher: string, root: string, command: string[]): Promise<Tick> {
  const started = performance.now();
  const child = spawn(launcher, ['agent', ...command, '--root', root], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: join(root, '../compiled') },
  });

  const tick: Tick = { wallS: 0, cpuS: 0, pssMiB: 0 };
  const timer = setInterval(() => sample(child.pid as number, tick), 10);
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  clearInterval(timer);

  if (code !== 0) throw new Error(`expected a tick that ends with 0, found ${code}`);
  return { ...tick, wallS: (performance.now() - started) / 1000 };
}

function sample(pid: number, tick: Tick): void {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    tick.pssMiB = Math.max(tick.pssMiB, Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1]) / 1024);

    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    tick.cpuS = (Number(user) + Number(system)) / ticksPerSecond;
  } catch {
    // It has ended.
  }
}

/** Measures and prints all. Throws if a bound is exceeded. */
export async function run(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'gantry-bench-agent-'));
  const server = await AgentServer.start();
  try {
    const launcher = await install(join(work, 'lib'));
    const root = join(work, 'root');
    const { status, stderr } = await enroll(launcher, server.token(), root);
    if (status !== 0) throw new Error(stderr);

    await measure(server, (command) => runAgent(launcher, root, command));
  } finally {
    server.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

/** Asynchronous, because the server is in this process. */
async function enroll(launcher: string, token: string, root: string) {
  const child = spawn(launcher, ['agent', 'enroll', '--token', token, '--root', root]);
  let stderr = '';
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const status = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { status, stderr };
}

async function measure(
  server: AgentServer,
  runOne: (command: string[]) => Promise<Tick>,
): Promise<void> {
  const rows: object[] = [];
  const look = async (what: string, command = ['run', '--once']) => {
    server.reset();
    const tick = await runOne(command);
    // The server notices the end of a connection after the process has ended.
    await sleep(100);
    const { sent } = server;
    const requests = server.requests.length;
    rows.push({
      tick: what,
      'wall s': Number(tick.wallS.toFixed(1)),
      'CPU s': tick.cpuS,
      'peak PSS MiB': Math.round(tick.pssMiB),
      'layer bytes': sent.layer,
      'index bytes': sent.index,
      'all bytes': server.wireBytes,
      requests,
    });
    return { ...tick, sent, requests, wireBytes: server.wireBytes };
  };

  const before = makeTree(() => 1);
  const imageBytes = await server.publish(1, before.entries, before.open);
  const first = await look('first, 300 MB');
  // A file that changed within the last second is read again.
  await sleep(1500);
  const full = await look('no change, all read');
  const quiet = await look('no change');

  const after = makeTree((number) => (number === files / 2 ? 2 : 1));
  await server.publish(2, after.entries, after.open);
  const update = await look('1 file of 10,000');
  const rollback = await look('rollback', ['rollback']);

  console.table(rows);
  process.stdout.write(`The image of ${imageBytes} bytes is made on the machine.\n`);
  writeMonth(quiet, full);
  requireBounds({ first, update, rollback });
}

type Measured = Tick & Pick<AgentServer, 'sent' | 'wireBytes'> & { requests: number };

/** What a machine whose desired state does not change spends in a month, as one number each. */
function writeMonth(quiet: Measured, full: Measured): void {
  const { ticks, fullLooks } = month;
  const cpuS = quiet.cpuS * (ticks - fullLooks) + full.cpuS * fullLooks;
  const bytes = quiet.wireBytes * ticks + full.wireBytes * fullLooks;
  process.stdout.write(
    `A month at rest: ${(cpuS / 3600).toFixed(1)} h of CPU time and ${(bytes / 1e6).toFixed(1)} MB, without TLS.\n`,
  );
}

type Bounded = Record<'first' | 'update' | 'rollback', Measured>;

function requireBounds({ first, update, rollback }: Bounded): void {
  const beside = update.sent.layer - fileBytes;
  const faults = [
    first.pssMiB > bounds.pssMiB &&
      `a peak PSS of ${first.pssMiB.toFixed(0)} MiB at the first tick`,
    update.pssMiB > bounds.pssMiB && `a peak PSS of ${update.pssMiB.toFixed(0)} MiB at the update`,
    beside > bounds.besideFileBytes && `${beside} bytes beside the file that changed`,
    first.requests > bounds.requests && `${first.requests} requests at the first tick`,
    update.requests > bounds.requests && `${update.requests} requests at the update`,
    rollback.wallS > bounds.rollbackS && `${rollback.wallS.toFixed(1)} s for the rollback`,
    rollback.requests > 0 && `${rollback.requests} requests of the rollback`,
  ].filter((fault) => fault !== false);

  if (faults.length > 0) {
    throw new Error(`expected ${JSON.stringify(bounds)} at most, found ${faults.join(', ')}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await run();
