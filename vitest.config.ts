import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const onStack = {
  globalSetup: ['test/support/stack.ts'],
  setupFiles: ['test/support/stack-environment.ts'],
  testTimeout: 60_000,
  hookTimeout: 120_000,
};

/** Attacks with many inputs, and agents in processes of their own: too slow for `npm run test:unit`. */
const slow = [
  'test/unit/attack/**/*.test.ts',
  'test/unit/agent/**/{desired-attacks,hostile-layers,process,tick}.test.ts',
];

export default defineConfig({
  test: {
    // One more than there are cores: tests on the cloud wait for half of their time. One cloud does not serve many.
    maxWorkers: Math.min(availableParallelism() + 1, 6),
    reporters: ['default', './test/support/skip-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{unit,infra,tidy}/**/*.test.ts'],
          exclude: slow,
          testTimeout: 30_000,
        },
      },
      { test: { name: 'slow', include: slow, testTimeout: 30_000 } },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...onStack } },
      { test: { name: 'browser', include: ['test/browser/**/*.test.ts'], ...onStack } },
    ],
  },
});
