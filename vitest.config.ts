import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * Files share the modules of their worker, which loads and warms them once: a test restores what it
 * changes in a module or in `process.env`.
 */
const shared = { isolate: false };

/**
 * Each wait for the stack or a machine has its own limit, such as 40 s, and says what it waits for.
 * The limit of a whole test only ends one that hangs: a busy machine takes six times as long as a
 * quiet one.
 */
const waiting = { ...shared, testTimeout: 240_000, hookTimeout: 240_000 };

const onStack = {
  globalSetup: ['test/support/stack.ts'],
  setupFiles: ['test/support/stack-environment.ts'],
  ...waiting,
};

/**
 * Builds of packages, machines that boot, attacks with many inputs, agents that are attacked,
 * stopped or in processes of their own, and a compilation of the product: too slow for
 * `npm run test:unit`.
 */
const slow = [
  'test/unit/cli/build/packages/*.test.ts',
  'test/unit/attack/**/*.test.ts',
  'test/unit/agent/services/{converge-services,services-machine}.test.ts',
  'test/unit/agent/**/{debian-12-machine,desired-attacks,failures,hostile-layers,*machine-data,mounted,mounts,process,races,root-machine,tampering,tick}.test.ts',
  'test/unit/operations/new-kind.test.ts',
  'test/unit/scripts/{nspawn,package}.test.ts',
];

export default defineConfig({
  test: {
    // Two more than there are cores: tests on the cloud wait for half of their time. One cloud does not serve many.
    maxWorkers: Math.min(availableParallelism() + 2, 6),
    reporters: ['default', './test/support/skip-reporter.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/{unit,infra,tidy}/**/*.test.ts'],
          exclude: slow,
          ...shared,
          testTimeout: 60_000,
        },
      },
      { test: { name: 'slow', include: slow, ...waiting } },
      { test: { name: 'integration', include: ['test/integration/**/*.test.ts'], ...onStack } },
      { test: { name: 'browser', include: ['test/browser/**/*.test.ts'], ...onStack } },
    ],
  },
});
