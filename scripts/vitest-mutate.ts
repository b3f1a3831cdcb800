import { defineConfig } from 'vitest/config';

/** How `npm run mutate` runs unit tests: without a cloud, and without the reporters of npm test. */
export default defineConfig({
  test: {
    include: process.env.GANTRY_MUTATE_TESTS?.split(',') ?? [],
    // It compiles the whole product, which says nothing about a fault at run time.
    exclude: ['test/unit/operations/new-kind.test.ts'],
    // A mutant outside of functions takes effect when its module loads.
    isolate: true,
    testTimeout: 60_000,
  },
});
