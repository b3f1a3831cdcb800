import { enableCompileCache } from 'node:module';
import { commandGroups } from './groups.ts';
import { groupOf, makeProgram } from './program.ts';
import { fail } from './run.ts';

// Start-up time is a feature (`gantry --help` in under 200 ms): the compile cache strips types
// once, and only the group that the arguments name is loaded.
enableCompileCache();

async function main(argv: string[]): Promise<void> {
  if (argv[0] === 'complete') {
    const { complete } = await import('./completion/complete.ts');
    return complete(argv.slice(1));
  }

  const line = helpLine(argv);
  const wanted = groupOf(line);
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
