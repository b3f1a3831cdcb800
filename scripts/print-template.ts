import { synthesize } from './synthesize.ts';

/**
 * Writes the stack's template without the functions' code, for scripts/development.ts to compare.
 */
process.stdout.write(JSON.stringify(synthesize().template.toJSON()));
