/**
 * Runs the benches of this folder, or those that are named:
 *
 *     npm run bench
 *     npm run bench files composefs
 *     npm run bench soak=1000
 *
 * A bench is a file that exports its `name` and `run()`, which prints its tables and throws where a
 * bound is passed; what stands after `=` is handed to it. One that says `onRequest` runs only when
 * it is named. Ends with 1 when one threw.
 */
import { readdirSync } from 'node:fs';

interface Bench {
  name: string;
  onRequest?: boolean;
  run(argument?: string): void | Promise<void>;
}

async function loadBenches(): Promise<Bench[]> {
  const files = readdirSync(import.meta.dirname).filter(
    (file) => file.endsWith('.ts') && file !== 'run.ts',
  );
  const modules = await Promise.all(files.sort().map((file) => import(`./${file}`)));

  return modules.filter(
    (module): module is Bench =>
      typeof module.name === 'string' && typeof module.run === 'function',
  );
}

const benches = await loadBenches();
const wanted = new Map(
  process.argv.slice(2).map((word): [string, string | undefined] => {
    const [name = '', argument] = word.split('=');
    return [name, argument];
  }),
);
const unknown = [...wanted.keys()].filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  const known = benches.map(({ name }) => name).join(', ');
  process.stderr.write(`expected benches among ${known}, found ${unknown.join(', ')}\n`);
  process.exit(2);
}
for (const bench of benches) {
  if (wanted.size > 0 ? !wanted.has(bench.name) : bench.onRequest === true) continue;
  process.stdout.write(`${bench.name}\n`);

  try {
    await bench.run(wanted.get(bench.name));
  } catch (error) {
    process.stdout.write(
      `${bench.name} failed: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    process.exitCode = 1;
  }
}
