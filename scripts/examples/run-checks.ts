export interface Check {
  what: string;
  /** Throws if what it looks at is not right. */
  verify: () => Promise<unknown>;
}

/**
 * Runs checks one after the other, and prints a line for each, with what was wrong.
 * @returns whether all are right
 */
export async function runChecks(
  checks: readonly Check[],
  say: (line: string) => void,
): Promise<boolean> {
  let good = true;

  for (const { what, verify } of checks) {
    const started = performance.now();
    const fault = await verify().then(
      () => null,
      (error: Error) => error.message,
    );

    good &&= fault === null;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    say(`${fault === null ? '✓' : '✗'} ${what.padEnd(72)} ${seconds.padStart(5)} s`);
    if (fault !== null) say(fault);
  }

  return good;
}
