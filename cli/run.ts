import { GantryError } from '../shared/base/error.ts';
import { safe } from './output/table.ts';

/** 0 success, 1 negative result (not verified, invalid, drifted), 2 error, 4 silent machines. */
export type ExitCode = 0 | 1 | 2 | 4;

/** Prints an error as one sentence, or as one JSON object with `--json`, and exits with 2. */
export function fail(error: unknown): never {
  const json = process.argv.includes('--json');
  if (error instanceof GantryError) {
    const { code, message, field, expected, found, details } = error;
    if (json)
      process.stderr.write(
        `${JSON.stringify({ error: { code, message, field, expected, found, details } })}\n`,
      );
    else process.stderr.write(`gantry: ${sanitizeLines(message)} (${code})\n`);
  } else {
    const message = error instanceof Error ? error.message : String(error);
    if (json) process.stderr.write(`${JSON.stringify({ error: { code: 'internal', message } })}\n`);
    else process.stderr.write(`gantry: ${sanitizeLines(message)}\n`);
    if (process.env.GANTRY_DEBUG && error instanceof Error)
      process.stderr.write(`${error.stack}\n`);
  }

  process.exit(2);
}

function sanitizeLines(message: string): string {
  return message.split('\n').map(safe).join('\n');
}

/** Wraps the action of a command: its result becomes the exit code, its error goes to `fail`. */
export function run<Args extends unknown[]>(
  action: (...args: Args) => Promise<ExitCode | undefined> | ExitCode | undefined,
): (...args: Args) => Promise<void> {
  return async (...args) => {
    try {
      process.exitCode = (await action(...args)) ?? 0;
    } catch (error) {
      fail(error);
    }
  };
}

/** Prints a value as one JSON document, or as text. */
export function print(json: boolean | undefined, value: unknown, text: () => string): void {
  const out = json ? JSON.stringify(value, null, 2) : text();
  process.stdout.write(out.endsWith('\n') ? out : `${out}\n`);
}
