import { spawn } from 'node:child_process';

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Gets every line that the program writes; without it the output is kept for the error. */
  onLine?: (line: string) => void;
}

/**
 * Runs a program to its end and returns its standard output.
 *
 * @throws Error with the last lines of its output when it does not end with 0
 */
export function run(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });

    let output = '';
    let standardOutput = '';

    const take = (chunk: string, isStandardOutput: boolean) => {
      output += chunk;
      if (isStandardOutput) standardOutput += chunk;
      if (options.onLine)
        for (const line of chunk.split('\n')) if (line.trim() !== '') options.onLine(line);
    };

    child.stdout.setEncoding('utf8').on('data', (chunk: string) => take(chunk, true));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => take(chunk, false));
    child.on('error', reject);

    child.on('close', (code, signal) => {
      if (code === 0) resolve(standardOutput);
      else
        reject(
          new Error(
            `${command} ended with ${signal ?? code}:\n${output.trim().split('\n').slice(-40).join('\n')}`,
          ),
        );
    });
  });
}
