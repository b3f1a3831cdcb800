import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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

/**
 * Writes a `gantry` for scripts, which adds words to lines that match a pattern of the shell. The
 * first pattern that matches counts.
 * @returns the directory for the PATH
 */
export function writeGantry(directory: string, added: Record<string, string>): string {
  const cases = Object.entries(added).map(
    ([pattern, words]) => `${pattern}) set -- "$@" ${words} ;;`,
  );
  const script = `#!/bin/sh\ncase "$*" in\n${cases.join('\n')}\nesac\nexec "${gantryProgram}" "$@"\n`;
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'gantry'), script, { mode: 0o755 });
  return directory;
}
