import { writeFileSync } from 'node:fs';
import { generatedFiles } from './reference/files.ts';

/**
 * Writes every committed file that is generated from the sources. A test fails if a committed file
 * differs.
 */
for (const { path, make } of generatedFiles) {
  writeFileSync(new URL(`../${path}`, import.meta.url), await make());
  process.stdout.write(`wrote ${path}\n`);
}
