import { enableCompileCache } from 'node:module';
import { commandGroups } from './groups.ts';
import { makeProgram } from './program.ts';
import { fail } from './run.ts';

// Start-up time is a feature (`gantry --help` in under 200 ms): the compile cache strips types
// once, and only the group that the arguments name is loaded.
enableCompileCache();

async function main(argv: string[]): Promise<void> {
  const line = helpLine(argv);
  const wanted = line.find((word) => !word.startsWith('-'));
  const known = commandGroups.some(({ name, alias }) => wanted === name || wanted === alias);
  const program = await makeProgram((group) => group === wanted);
  // An unknown command has no help to show.
  await program.parseAsync(wanted === undefined || known ? line : [wanted], { from: 'user' });
}

/** Writes `help module promote` and `module help promote` with `--help` at the end. */
function helpLine(argv: string[]): string[] {
  const at = argv.slice(0, 2).indexOf('help');
  return at === -1 ? argv : [...argv.toSpliced(at, 1), '--help'];
}

// A reader may close the output early, as `head` does. The command still runs to its end.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') fail(error);
});

main(process.argv.slice(2)).catch(fail);
