import { type Command, InvalidArgumentError, Option } from 'commander';
import { GantryError } from '../shared/base/error.ts';
import { type ExitMeanings, formatExitCodes } from './exit-codes.ts';
import { type DocumentForm, documentForms } from './output/document.ts';
import { type ExitCode, printDocumentsBy, run } from './run.ts';

interface CommandSpec<Args extends unknown[]> {
  /** Complete command lines; one that continues ends its line with a backslash. */
  examples: string[];
  /** What a user should know that no option says. */
  notes?: string;
  /** What exit code 1 means, for a command that uses it, or what each of several codes means. */
  no?: string | ExitMeanings;
  /** What exit code 5 means, for a command that uses it. */
  silent?: string;
  action: (...args: Args) => Promise<ExitCode | undefined>;
}

/** Other names of the verbs of all nouns, as other command lines have them. */
const verbAliases: Readonly<Record<string, readonly string[]>> = {
  list: ['ls'],
  show: ['get'],
  delete: ['rm', 'remove'],
  remove: ['rm', 'delete'],
  revoke: ['rm', 'delete'],
};

/**
 * Gives a command what every command has: --json, notes, examples, exit codes and error handling.
 */
export function describe<Args extends unknown[]>(
  command: Command,
  { examples, notes, no, silent, action }: CommandSpec<Args>,
): Command {
  const heading = examples.length === 1 ? 'Example:' : 'Examples:';
  const requestsChange = typeof no === 'object' && 1 in no;
  const meanings = {
    ...(typeof no === 'string' ? { 1: no } : no),
    ...(silent === undefined ? {} : { 5: silent }),
  };

  const help = [
    ...(notes === undefined ? [] : [notes.trim()]),
    [heading, ...examples.map((line) => `  ${line}`)].join('\n'),
    formatExitCodes(meanings),
  ];

  for (const alias of verbAliases[command.name()] ?? []) command.alias(alias);
  if (isWatchable(command))
    command.option('--watch', 'show the result again when it changes, until Ctrl-C');

  return command
    .option('--json', 'print the result as JSON')
    .addOption(
      choiceOption('-o, --output <form>', outputForms, 'print whole digests, names or a document'),
    )
    .addHelpText('after', `\n${help.join('\n\n')}`)
    .action(run(inForm(action), requestsChange) as (...args: unknown[]) => Promise<void>);
}

export interface Flags {
  json?: true;
}

interface FormFlags extends Flags {
  output?: 'wide' | DocumentForm;
  watch?: true;
}

/** What `--output` takes. */
const outputForms = ['wide', ...documentForms] as const;

/** Commands that only read from the control plane, by their names. */
const reading = ['list', 'show', 'versions', 'machines', 'templates', 'drift', 'fleet'];

function isWatchable(command: Command): boolean {
  return reading.includes(command.name()) && command.parent?.name() !== 'context';
}

/** Runs an action once or, with --watch, until Ctrl-C. Prints in the form of --output. */
function inForm<Args extends unknown[]>(action: (...args: Args) => Promise<ExitCode | undefined>) {
  return async (...args: [...Args, Command]): Promise<ExitCode | undefined> => {
    const flags = (args.at(-2) ?? {}) as FormFlags;
    if (flags.output === 'wide') {
      const { showWide } = await import('./output/table.ts');
      showWide();
    } else if (flags.output !== undefined) {
      const { documentWriter } = await import('./output/document.ts');
      printDocumentsBy(await documentWriter(flags.output));
      flags.json = true;
    }

    const once = () => action(...(args as unknown as Args));
    if (!flags.watch) return once();

    const { openScreen, watch } = await import('./watch.ts');
    // One line for each change, which a program can read line by line.
    if (flags.json && (flags.output ?? 'wide') === 'wide')
      printDocumentsBy((value) => JSON.stringify(value));
    return watch(once, openScreen());
  };
}

/** Collects the values of a repeatable option. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** Returns an option that takes one of a few words. Its help and its error list them. */
export function choiceOption(flags: string, words: readonly string[], description: string): Option {
  return new Option(flags, description).choices(words);
}

/** Parses a whole number. Commander adds the name of the option to the error. */
export function parseWholeNumber(value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(value);
}

/** Parses `key=value` pairs. `true`, `false` and numbers become values of their type. */
export function parseMetadata(pairs: string[]): Record<string, string | number | boolean> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new GantryError('usage', `expected key=value, found "${pair}"`);
      return [pair.slice(0, at), plainValue(pair.slice(at + 1))];
    }),
  );
}

/** Converts only numbers that print as they were written, so that identifiers keep all digits. */
function plainValue(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d/.test(text) && String(Number(text)) === text ? Number(text) : text;
}
