import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { GantryError } from '../../../shared/base/error.ts';

export interface ToolRun {
  program: string;
  args: readonly string[];
  /** Its Debian package. By default it is one that mmdebstrap brings. */
  package?: string;
  /** Set besides the few variables that every tool gets. */
  env?: Record<string, string>;
  /** Called with each line of the standard error. */
  onLine?: (line: string) => void;
  /** Takes the standard output; without it, the output is returned. */
  consume?: (output: Readable) => Promise<unknown>;
}

export interface ToolResult {
  code: number | null;
  output: string;
  /** The last lines of the standard error. */
  lines: string[];
}

/** Lines of a tool that an error can show. */
const linesMax = 400;

/**
 * Runs a Debian tool in a clean environment, so that the host's locale, proxies apart, and
 * configuration do not matter. It is killed when this process dies.
 * @throws GantryError `prerequisite_missing` if the program is missing
 */
export async function runTool(run: ToolRun): Promise<ToolResult> {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', run.program, ...run.args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...cleanEnvironment(), ...run.env },
    cwd: '/',
  });

  const lines: string[] = [];
  const collected = collectLines(child.stderr, (line) => {
    lines.push(line);
    if (lines.length > linesMax) lines.shift();
    run.onLine?.(line);
  });

  let output = '';
  const taken = run.consume
    ? run.consume(child.stdout)
    : collectText(child.stdout).then((text) => {
        output = text;
      });

  const [code, consumed] = await Promise.all([
    exitCode(child, run),
    taken.then(
      () => undefined,
      (error: unknown) => {
        child.kill('SIGKILL');
        return { error };
      },
    ),
    collected,
  ]);

  // A tool that fails truncates its output, so its own error says more than the reader's.
  if (consumed && code === 0) throw consumed.error;
  if (consumed && code === null) throw consumed.error;
  if (code === 127 || code === 126) throw missing(run);
  return { code, output, lines };
}

/** apt reads the variables in small letters only, and of SOCKS the form `socks5h` only. */
export function proxiesOfTools(env: NodeJS.ProcessEnv): Record<string, string> {
  const proxies = ['http_proxy', 'https_proxy', 'no_proxy'].flatMap((name) => {
    const value = env[name] ?? env[name.toUpperCase()];
    return value === undefined ? [] : [[name, value.replace(/^socks5:/i, 'socks5h:')] as const];
  });
  return Object.fromEntries(proxies);
}

function cleanEnvironment(): Record<string, string> {
  return {
    ...proxiesOfTools(process.env),
    PATH: `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin`,
    HOME: '/nonexistent',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    DEBIAN_FRONTEND: 'noninteractive',
  };
}

function exitCode(child: ChildProcess, run: ToolRun): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(missing(run, error)));
    child.on('close', (code) => resolve(code));
  });
}

function missing({ program, package: name = 'mmdebstrap' }: ToolRun, cause?: Error): GantryError {
  const message = `expected the program ${program} to build packages, found none; install it, for example with apt-get install ${name}`;
  return new GantryError('prerequisite_missing', message, { found: program, cause });
}

async function collectText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

async function collectLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  let held = '';
  for await (const chunk of stream) {
    const parts = (held + String(chunk)).split(/[\r\n]+/);
    held = parts.pop() ?? '';
    for (const line of parts) if (line !== '') onLine(line);
  }
  if (held !== '') onLine(held);
}
