import { GantryError } from '../shared/base/error.ts';
import { safe } from './output/table.ts';

/** 0 done or yes, 1 the answer is no (not verified, invalid, drifted), 2 wrong usage or an error. */
export type ExitCode = 0 | 1 | 2;

/** Prints an error the way every command does and ends with 2: one sentence, or one JSON object under `--json`. */
export function fail(error: unknown): never {
  const json = process.argv.includes('--json');
  if (error instanceof GantryError) {
    const { code, message, field, expected, found, details } = error;
    if (json)
      process.stderr.write(
        `${JSON.stringify({ error: { code, message, field, expected, found, details } })}\n`,
      );
    else process.stderr.write(`gantry: ${lines(message)} (${code})\n`);
  } else {
    const message = error instanceof Error ? error.message : String(error);
    if (json) process.stderr.write(`${JSON.stringify({ error: { code: 'internal', message } })}\n`);
    else process.stderr.write(`gantry: ${lines(message)}\n`);
    if (process.env.GANTRY_DEBUG && error instanceof Error)
      process.stderr.write(`${error.stack}\n`);
  }
  process.exit(2);
}

function lines(message: string): string {
  return message.split('\n').map(safe).join('\n');
}

/** Wraps a command's action: what it returns is the exit code, what it throws is printed by `fail`. */
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

/** Prints a value as one JSON document, or as text for people. */
export function print(json: boolean | undefined, value: unknown, text: () => string): void {
  const out = json ? JSON.stringify(value, null, 2) : text();
  process.stdout.write(out.endsWith('\n') ? out : `${out}\n`);
}
