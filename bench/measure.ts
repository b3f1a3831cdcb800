import { spawnSync } from 'node:child_process';

/** The cost of one run of a program. */
export interface Cost {
  wallMs: number;
  /**
   * CPU time of the program itself, without the kernel's; null if it is unknown (programs other
   * than Node).
   */
  userMs: number | null;
  rssMiB: number | null;
  stdout: string;
}

/** Makes a Node program report its own cost at its end. */
const report = `process.on('exit', () => {
  const { userCPUTime, maxRSS } = process.resourceUsage();
  process.stderr.write('\\n' + JSON.stringify({ userCPUTime, maxRSS }));
})`;

/** Runs a program of ours (Node, as in bin/gantry) and measures the whole process. */
export function measureNode(program: string, args: string[]): Cost {
  return measure(program, args, {
    ...process.env,
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(report)}`,
  });
}

/** Runs another program, of which only the wall time is known. */
export function measurePeer(program: string, args: string[]): Cost {
  return measure(program, args, process.env);
}

function measure(program: string, args: string[], env: NodeJS.ProcessEnv): Cost {
  const started = performance.now();
  const child = spawnSync(program, args, { env, encoding: 'utf8', maxBuffer: 1 << 30 });
  const wallMs = performance.now() - started;
  if (child.error) throw child.error;
  if (child.status !== 0)
    throw new Error(`${program} ${args.join(' ')} ended with ${child.status}: ${child.stderr}`);

  const last = child.stderr.slice(child.stderr.lastIndexOf('\n') + 1);
  if (!last.startsWith('{')) return { wallMs, userMs: null, rssMiB: null, stdout: child.stdout };

  const { userCPUTime, maxRSS } = JSON.parse(last);
  return { wallMs, userMs: userCPUTime / 1000, rssMiB: maxRSS / 1024, stdout: child.stdout };
}

/**
 * Returns the fastest of several runs, with the largest memory. Other work of the machine only
 * makes runs slower.
 */
export function best(runs: number, run: () => Cost): Cost {
  const all = Array.from({ length: runs }, run);
  const quickest = all.reduce((a, b) => (a.wallMs <= b.wallMs ? a : b));
  const users = all.flatMap(({ userMs }) => userMs ?? []);
  const sizes = all.flatMap(({ rssMiB }) => rssMiB ?? []);

  return {
    ...quickest,
    userMs: users.length > 0 ? Math.min(...users) : null,
    rssMiB: sizes.length > 0 ? Math.max(...sizes) : null,
  };
}

/** Whether a program is on the PATH. */
export function isInstalled(program: string): boolean {
  return spawnSync('sh', ['-c', 'command -v -- "$1"', 'sh', program]).status === 0;
}
