import { execFile } from 'node:child_process';

/** The command line's entry. */
export const gantryProgram = new URL('../../bin/gantry', import.meta.url).pathname;

export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

interface RunOptions {
  /** What the program reads from its standard input. */
  input?: string;
  /** Beside the variables of the test, which name no deployment and no token. */
  env?: NodeJS.ProcessEnv;
  cwd?: string;
}

/** Runs the real program, in a process of its own. */
export function runGantry(line: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { input = '', cwd } = options;
  const env = {
    ...process.env,
    GANTRY_CONTEXT: undefined,
    GANTRY_URL: undefined,
    GANTRY_TOKEN: undefined,
    ...options.env,
  };

  return new Promise((resolve) => {
    const child = execFile(gantryProgram, line, { env, cwd }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });

    child.stdin?.end(input);
  });
}
