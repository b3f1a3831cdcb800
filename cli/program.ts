import { Command } from 'commander';
import project from '../package.json' with { type: 'json' };
import { exitCodes } from './exit-codes.ts';
import { commandGroups } from './groups.ts';
import { throwUsageError } from './usage-errors.ts';

/**
 * Builds the command tree. A group that `isWanted` selects is loaded with its commands; the others
 * have only their name and summary, which keeps start-up fast.
 */
export async function makeProgram(isWanted: (group: string) => boolean): Promise<Command> {
  const program = new Command('gantry')
    .version(project.version, '-V, --version', 'print the version')
    .description('Delivers signed modules from OCI registries to running machines.')
    .helpCommand(false)
    .option('--context <name>', 'use a saved context (see: gantry context)')
    .hook('preAction', async (root) => {
      useContext(root.opts().context);
      await useProxiesOf(process.env);
    })
    // Errors are printed in one place, in one form.
    .configureOutput({ outputError: () => {} })
    .exitOverride(throwUsageError)
    .addHelpText('after', `\nExit codes:\n${exitCodeLines()}`);

  for (const { name, alias, summary, load } of commandGroups) {
    const command = program.command(name).description(summary);
    command.copyInheritedSettings(program);

    // Only a command line that uses the alias gets it: help shows the name alone.
    const byAlias = alias !== undefined && isWanted(alias);
    if (byAlias) command.alias(alias);

    if (byAlias || isWanted(name)) (await load()).register(command);
  }

  return program;
}

/** Returns the first word of a line that is neither an option nor the value of `--context`. */
export function groupOf(line: readonly string[]): string | undefined {
  return line.find((word, at) => !word.startsWith('-') && line[at - 1] !== '--context');
}

/** An option is for one run and overrides the variables of the shell. */
export function useContext(name: string | undefined): void {
  if (name === undefined) return;
  process.env.GANTRY_CONTEXT = name;
  delete process.env.GANTRY_URL;
  delete process.env.GANTRY_TOKEN;
}

/** Loads what proxies need only where one is named. */
export async function useProxiesOf(env: NodeJS.ProcessEnv): Promise<void> {
  const names = ['http_proxy', 'https_proxy'];
  if (!names.some((name) => env[name] || env[name.toUpperCase()])) return;

  const { useProxies } = await import('./network/dispatcher.ts');
  useProxies(env);
}

function exitCodeLines(): string {
  return Object.entries(exitCodes)
    .map(([code, meaning]) => `  ${code}  ${meaning}`)
    .join('\n');
}
