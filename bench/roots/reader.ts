/**
 * Opens and stats files of a root until SIGTERM, as a service does while the root is switched:
 *
 *     node bench/roots/reader.ts CURRENT FILE...
 *
 * Prints how often it looked, how often a file was missing, and how often two files that it read in
 * one directory it held open differed, which is a mixed root.
 */
import { closeSync, constants, openSync, readFileSync, statSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';

const [current = '', ...files] = process.argv.slice(2);
const seen = { looks: 0, missing: 0, mixed: 0 };
let isStopped = false;
process.once('SIGTERM', () => {
  isStopped = true;
});

function look(): void {
  seen.looks++;
  try {
    for (const file of files) statSync(`${current}/${file}`);
    const root = openSync(current, constants.O_RDONLY | constants.O_DIRECTORY);
    const texts = files.map((file) => readFileSync(`/proc/self/fd/${root}/${file}`, 'utf8'));
    closeSync(root);
    if (new Set(texts).size > 1) seen.mixed++;
  } catch {
    seen.missing++;
  }
}

process.stdout.write('ready\n');
while (!isStopped) {
  look();
  await turn();
}
process.stdout.write(`${JSON.stringify(seen)}\n`);
