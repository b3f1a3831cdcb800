/**
 * Runs the benches of this folder, or those that are named:
 *
 *     npm run bench
 *     npm run bench files composefs
 *
 * A bench is a file that exports its `name` and `run()`, which prints its tables and throws where a bound is passed.
 * Ends with 1 when one did.
 */
import { readdirSync } from 'node:fs';

interface Bench {
  name: string;
  run(): void | Promise<void>;
}

async function loadBenches(): Promise<Bench[]> {
  const files = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && file !== 'run.ts');
  const modules = await Promise.all(files.sort().map((file) => import(`./${file}`)));
  return modules.filter(
    (module): module is Bench => typeof module.name === 'string' && typeof module.run === 'function',
  );
}

const benches = await loadBenches();
const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  const known = benches.map(({ name }) => name).join(', ');
  process.stderr.write(`expected benches among ${known}, found ${unknown.join(', ')}\n`);
  process.exit(2);
}
for (const bench of benches) {
  if (wanted.length > 0 && !wanted.includes(bench.name)) continue;
  process.stdout.write(`${bench.name}\n`);
  try {
    await bench.run();
  } catch (error) {
    process.stdout.write(`${bench.name} failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
