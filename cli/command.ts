import { type Command, InvalidArgumentError, Option } from 'commander';
import { GantryError } from '../shared/base/error.ts';
import { type ExitCode, run } from './run.ts';

interface CommandSpec<Args extends unknown[]> {
  /** One whole command line. */
  example: string;
  /** What exit code 1 means here, if it can be. */
  no?: string;
  action: (...args: Args) => Promise<ExitCode | undefined>;
}

/** What every command that talks to the control plane has: --json, an example, its exit codes. */
export function describe<Args extends unknown[]>(
  command: Command,
  spec: CommandSpec<Args>,
): Command {
  const codes = [
    '0 done',
    ...(spec.no === undefined ? [] : [`1 ${spec.no}`]),
    '2 wrong usage or an error',
  ];
  return command
    .option('--json', 'print the answer as JSON')
    .addHelpText('after', `\nExample:\n  ${spec.example}\n\nExit codes: ${codes.join(', ')}.`)
    .action(run(spec.action) as (...args: unknown[]) => Promise<void>);
}

export interface Flags {
  json?: true;
}

/** Collects the values of an option that may be given several times. */
export function several(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** An option that takes one of a few words; its help and its error name them. */
export function oneOf(flags: string, words: readonly string[], description: string): Option {
  return new Option(flags, description).choices(words);
}

/** Parses an option's whole number; commander names the option in its error. */
export function wholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(value);
}

/** `key=value` pairs as metadata; `true`, `false` and numbers are taken as such. */
export function metadataOf(pairs: string[]): Record<string, string | number | boolean> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new GantryError('usage', `expected key=value, found "${pair}"`);
      return [pair.slice(0, at), plainValue(pair.slice(at + 1))];
    }),
  );
}

/** Numbers only where they are written as they would be printed, so that no digit of an identifier is lost. */
function plainValue(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d/.test(text) && String(Number(text)) === text ? Number(text) : text;
}
