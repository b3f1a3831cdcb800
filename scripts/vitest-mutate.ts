import { defineConfig } from 'vitest/config';

/** How `npm run mutate` runs unit tests: without a cloud, and without the reporters of npm test. */
export default defineConfig({
  test: { include: ['test/unit/**/*.test.ts'], isolate: false, testTimeout: 60_000 },
});
