import type { Reporter, TestModule, Vitest } from 'vitest/node';

/**
 * Nothing is skipped silently: names what was, with the reason, and with GANTRY_NO_SKIP=1 fails the
 * run for it. Tests that `-t` did not select are not skipped.
 */
export default class SkipReporter implements Reporter {
  #vitest: Vitest | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const selected = this.#vitest?.getGlobalTestNamePattern() ?? /(?:)/;
    const skipped = modules
      .flatMap((module) => [...module.children.allTests('skipped')])
      .filter(({ fullName }) => fullName.search(selected) >= 0)
      .map((test) => {
        const result = test.result();
        return `  ${test.fullName}${result.state === 'skipped' && result.note ? `: ${result.note}` : ''}`;
      });

    if (skipped.length === 0) return;
    process.stdout.write(`\nSkipped here:\n${skipped.join('\n')}\n`);

    if (process.env.GANTRY_NO_SKIP === '1') {
      process.stdout.write('GANTRY_NO_SKIP=1 allows no skip.\n');
      process.exitCode = 1;
    }
  }
}
