import { Command } from 'commander';
import project from '../package.json' with { type: 'json' };
import { commandGroups } from './groups.ts';

/**
 * The command line's tree. Of the groups, only those that `wanted` names are loaded with their commands; the others have
 * their name and summary.
 */
export async function makeProgram(wanted: (group: string) => boolean): Promise<Command> {
  const program = new Command('gantry')
    .version(project.version)
    .description('Takes signed modules from OCI registries to running machines.')
    .showHelpAfterError('Add --help to see what it takes.')
    .exitOverride((error) => {
      process.exit(error.exitCode === 0 ? 0 : 2);
    })
    .addHelpText('after', '\nExit codes: 0 done, 1 the answer is no, 2 wrong usage or an error.');
  for (const group of commandGroups) {
    const command = program.command(group.name).description(group.summary);
    command.copyInheritedSettings(program);
    if (wanted(group.name)) (await group.load()).register(command);
  }
  return program;
}
