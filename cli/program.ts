import { Command } from 'commander';
import project from '../package.json' with { type: 'json' };
import { commandGroups } from './groups.ts';

/**
 * Builds the command tree. A group that `isWanted` selects is loaded with its commands; the others
 * have only their name and summary, which keeps start-up fast.
 */
export async function makeProgram(isWanted: (group: string) => boolean): Promise<Command> {
  const program = new Command('gantry')
    .version(project.version)
    .description('Delivers signed modules from OCI registries to running machines.')
    .showHelpAfterError('Run the command with --help to see its usage.')
    .exitOverride((error) => {
      process.exit(error.exitCode === 0 ? 0 : 2);
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 success, 1 negative result (not verified, refused, drifted), 2 error.',
    );

  for (const { name, alias, summary, load } of commandGroups) {
    const command = program.command(name).description(summary);
    command.copyInheritedSettings(program);
    if (alias !== undefined) command.alias(alias);

    if (isWanted(name) || (alias !== undefined && isWanted(alias))) {
      (await load()).register(command);
    }
  }

  return program;
}
