import { enableCompileCache } from 'node:module';
import { makeProgram } from './program.ts';
import { fail } from './run.ts';

// Start-up time is a feature (`gantry --help` in under 200 ms): the compile cache strips types
// once, and only the group that the arguments name is loaded.
enableCompileCache();

async function main(argv: string[]): Promise<void> {
  const wanted = argv.find((word) => !word.startsWith('-'));
  const program = await makeProgram((group) => group === wanted);
  await program.parseAsync(argv, { from: 'user' });
}

// A reader may close the output early, as `head` does. The command still runs to its end.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') fail(error);
});

main(process.argv.slice(2)).catch(fail);
