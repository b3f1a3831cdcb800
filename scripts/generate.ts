import { writeFileSync } from 'node:fs';
import { generatedFiles } from './reference/files.ts';

/**
 * Writes every committed file that follows from the sources; a test fails while one of them is
 * another.
 */
for (const { path, make } of generatedFiles) {
  writeFileSync(new URL(`../${path}`, import.meta.url), await make());
  process.stdout.write(`wrote ${path}\n`);
}
