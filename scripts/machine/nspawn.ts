import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A machine boots in under a second; a busy computer takes many times as long. */
const bootMs = 60_000;
/** A halt takes 0.3 s; a unit that does not stop has 90 s by systemd's default. */
const haltMs = 100_000;
const pollMs = 50;

export interface BootOptions {
  /** Unique among running machines, and the host name: at most 64 letters, digits, hyphens. */
  name: string;
  /** The root directory. Only one machine at a time can have it. */
  root: string;
  /** The file that gets what the machine writes to its console. */
  console: string;
  /** Further arguments of systemd-nspawn. Without any, the machine uses the host's network. */
  args?: readonly string[];
}

export interface CommandResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A machine with systemd as PID 1, in a container of systemd-nspawn. Needs root. */
export class Machine {
  readonly #nspawn: ChildProcess;
  readonly #init: number;

  private constructor(nspawn: ChildProcess, init: number) {
    this.#nspawn = nspawn;
    this.#init = init;
  }

  /**
   * Boots a tree and waits until its systemd has started all units. The machine halts when the
   * process that booted it dies.
   *
   * @throws Error with the end of the console if it does not boot within a minute
   */
  static async boot({ name, root, console, args = [] }: BootOptions): Promise<Machine> {
    const nspawn = startNspawn(console, [
      ...['--quiet', '--settings=no', '--register=no', '--keep-unit', '--console=pipe', '--boot'],
      ...[`--machine=${name}`, `--directory=${root}`, ...args],
    ]);

    try {
      const deadline = Date.now() + bootMs;
      const machine = new Machine(nspawn, await findInit(nspawn, deadline));
      await machine.#waitForUnits(deadline);
      return machine;
    } catch (error) {
      await halt(nspawn);
      const said = readFileSync(console, 'utf8').trim().split('\n').slice(-20).join('\n');
      throw new Error(`expected ${name} to boot: ${messageOf(error)}\n${said}`, { cause: error });
    }
  }

  /** The process id of the machine's PID 1, as the host sees it. */
  get init(): number {
    return this.#init;
  }

  /** Runs a program in the machine, as root, and returns what it wrote and its exit code. */
  async try(program: string, ...args: string[]): Promise<CommandResult> {
    const inside = ['--target', String(this.#init), '--all', program, ...args];
    const child = spawn('nsenter', inside, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C.UTF-8' },
    });

    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, stderr };
  }

  /**
   * Runs a program in the machine and returns its standard output without the last line end.
   * @throws Error with its output if it does not end with 0
   */
  async run(program: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.try(program, ...args);
    if (code === 0) return stdout.replace(/\n$/, '');
    const line = [program, ...args].join(' ');
    throw new Error(`${line} ended with ${code}: ${stderr.trim()} ${stdout.trim()}`);
  }

  /** Halts the machine in order, as a power button does. */
  stop(): Promise<void> {
    return halt(this.#nspawn);
  }

  /** Cuts the power: nothing in the machine has time to write. */
  async cut(): Promise<void> {
    const gone = ended(this.#nspawn);
    process.kill(this.#init, 'SIGKILL');
    await gone;
  }

  async #waitForUnits(deadline: number): Promise<void> {
    let state = '';
    while (Date.now() < deadline) {
      ({ stdout: state } = await this.try('systemctl', 'is-system-running'));
      if (/^(running|degraded)\n$/.test(state)) return;
      await sleep(pollMs);
    }
    throw new Error(`expected it to be running, found ${state.trim() || 'no systemd'}`);
  }
}

/** It gets no terminal, because nspawn would take it over. */
function startNspawn(console: string, args: readonly string[]): ChildProcess {
  const log = openSync(console, 'w');
  try {
    // nspawn halts the machine in order when it gets SIGTERM.
    return spawn('setpriv', ['--pdeathsig', 'TERM', 'systemd-nspawn', ...args], {
      stdio: ['ignore', log, log],
      detached: true,
    });
  } finally {
    closeSync(log);
  }
}

/** The first process of the machine, once systemd runs in it. */
async function findInit(nspawn: ChildProcess, deadline: number): Promise<number> {
  if (nspawn.pid === undefined) throw (await once(nspawn, 'error'))[0];

  while (Date.now() < deadline) {
    if (nspawn.exitCode !== null) throw new Error(`systemd-nspawn ended with ${nspawn.exitCode}`);
    const init = childrenOf(nspawn).find(isInit);
    if (init !== undefined) return Number(init);
    await sleep(pollMs);
  }
  throw new Error('expected systemd as PID 1, found none');
}

/** nspawn's own helpers come first; they have not entered the machine's namespaces yet. */
function isInit(pid: string): boolean {
  const isFirst = /^NSpid:.*\t1$/m.test(readIfThere(`/proc/${pid}/status`));
  return isFirst && /^(systemd|init)\n$/.test(readIfThere(`/proc/${pid}/comm`));
}

function childrenOf({ pid }: ChildProcess): string[] {
  return readIfThere(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function halt(nspawn: ChildProcess): Promise<void> {
  const gone = ended(nspawn);
  nspawn.kill('SIGTERM');
  // nspawn ends when its machine has. Its own death would leave the machine running.
  const kill = () => {
    for (const child of childrenOf(nspawn)) process.kill(Number(child), 'SIGKILL');
  };
  const timer = setTimeout(kill, haltMs);
  await gone;
  clearTimeout(timer);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  await once(child, 'exit');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
