import { enableCompileCache } from 'node:module';
import { Command } from 'commander';
import { commandGroups } from './groups.ts';
import { fail } from './run.ts';

// Start-up time is a feature (`gantry --help` in under 200 ms): types are stripped once, and only the group that the
// arguments name is loaded.
enableCompileCache();

async function main(argv: string[]): Promise<void> {
  const program = new Command('gantry')
    .description('Takes signed modules from OCI registries to running machines.')
    .showHelpAfterError()
    .exitOverride((error) => {
      process.exit(error.exitCode === 0 ? 0 : 2);
    })
    .addHelpText('after', '\nExit codes: 0 done, 1 the answer is no, 2 wrong usage or an error.');
  const wanted = argv.find((word) => !word.startsWith('-'));
  for (const group of commandGroups) {
    const command = program.command(group.name).description(group.summary);
    command.copyInheritedSettings(program);
    if (group.name === wanted) (await group.load()).register(command);
  }
  await program.parseAsync(argv, { from: 'user' });
}

main(process.argv.slice(2)).catch(fail);
