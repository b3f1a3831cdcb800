import { Command } from 'commander';
import project from '../package.json' with { type: 'json' };
import { commandGroups } from './groups.ts';

/**
 * Builds the command tree. A group that `isWanted` selects is loaded with its commands; the others
 * have only their name and summary, which keeps start-up fast.
 */
export async function makeProgram(isWanted: (group: string) => boolean): Promise<Command> {
  const program = new Command('gantry')
    .version(project.version, '-V, --version', 'print the version')
    .description('Delivers signed modules from OCI registries to running machines.')
    .showHelpAfterError('Run the command with --help to see its usage.')
    .exitOverride((error) => {
      process.exit(error.exitCode === 0 ? 0 : 2);
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 success, 1 negative result (not verified, refused, drifted), 2 error, 4 silent machines.',
    );

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
