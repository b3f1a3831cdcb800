import type { Reporter, TestModule } from 'vitest/node';

/**
 * Nothing is skipped silently: names what was, with the reason, and with GANTRY_NO_SKIP=1 fails the
 * run for it.
 */
export default class SkipReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const skipped = modules.flatMap((module) =>
      [...module.children.allTests('skipped')].map((test) => {
        const result = test.result();
        return `  ${test.fullName}${result.state === 'skipped' && result.note ? `: ${result.note}` : ''}`;
      }),
    );

    if (skipped.length === 0) return;
    process.stdout.write(`\nSkipped here:\n${skipped.join('\n')}\n`);

    if (process.env.GANTRY_NO_SKIP === '1') {
      process.stdout.write('GANTRY_NO_SKIP=1 allows no skip.\n');
      process.exitCode = 1;
    }
  }
}
