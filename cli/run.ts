import type { Command } from 'commander';
import { GantryError, isGantryError } from '../shared/base/error.ts';
import { errorStatus } from '../shared/base/error-codes.ts';
import type { ExitCode } from './exit-codes.ts';
import { useFlagNames } from './flag-names.ts';
import { writeOut } from './output/sink.ts';
import { safe } from './output/table.ts';

export type { ExitCode } from './exit-codes.ts';

interface Failed {
  /** The command that ran. Its flags replace the fields of the API in the sentence. */
  command?: Command;
  exitCode?: ExitCode;
}

/** Prints an error as one sentence, or as one JSON object with `--json`, and exits. */
export function fail(error: unknown, { command, exitCode = 2 }: Failed = {}): never {
  const { code, message, ...rest } = describeError(error);
  const sentence = useFlagNames(message, command);

  if (wantsDocument(process.argv)) {
    const shown = { code: code ?? 'internal', message: sentence, ...rest };
    process.stderr.write(`${JSON.stringify({ error: shown })}\n`);
  } else {
    const named = code === undefined ? '' : ` (${code})`;
    process.stderr.write(`gantry: ${sanitizeLines(sentence)}${named}\n`);
  }

  if (process.env.GANTRY_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(exitCode);
}

function wantsDocument(argv: readonly string[]): boolean {
  return argv.includes('--json') || /(?:^| )(?:-o|--output)[ =]?(?:json|yaml)/.test(argv.join(' '));
}

function describeError(error: unknown) {
  if (!(error instanceof GantryError))
    return { message: error instanceof Error ? error.message : String(error) };

  const { code, message, field, expected, found, details } = error;
  return { code, message, field, expected, found, details };
}

function sanitizeLines(message: string): string {
  return message.split('\n').map(safe).join('\n');
}

/**
 * Wraps the action of a command: its result becomes the exit code, its error goes to `fail`.
 * @param requestsChange makes a refusal by the API a result, whether it comes immediately or later
 */
export function run<Args extends unknown[]>(
  action: (...args: Args) => Promise<ExitCode | undefined> | ExitCode | undefined,
  requestsChange = false,
): (...args: [...Args, Command]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command;
    try {
      process.exitCode = (await action(...(args as unknown as Args))) ?? 0;
    } catch (error) {
      fail(error, { command, exitCode: requestsChange && isRefusal(error) ? 1 : 2 });
    }
  };
}

/** Returns true if the account's policies or the state of its objects do not allow a change. */
function isRefusal(error: unknown): boolean {
  if (!isGantryError(error)) return false;
  return error.code === 'policy_denied' || [409, 412, 422].includes(errorStatus[error.code]);
}

type Document = (value: unknown) => string;

let writeDocument: Document = (value) => JSON.stringify(value, null, 2);

/** Sets how the rest of this run prints results for programs. */
export function printDocumentsBy(write: Document): void {
  writeDocument = write;
}

/** Prints a value as one document for programs, or as text. */
export function print(document: boolean | undefined, value: unknown, text: () => string): void {
  writeOut(document ? writeDocument(value) : text());
}
