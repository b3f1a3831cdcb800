import { enableCompileCache } from 'node:module';
import { makeProgram } from './program.ts';
import { fail } from './run.ts';

// Start-up time is a feature (`gantry --help` in under 200 ms): types are stripped once, and only the group that the
// arguments name is loaded.
enableCompileCache();

async function main(argv: string[]): Promise<void> {
  const wanted = argv.find((word) => !word.startsWith('-'));
  const program = await makeProgram((group) => group === wanted);
  await program.parseAsync(argv, { from: 'user' });
}

main(process.argv.slice(2)).catch(fail);
