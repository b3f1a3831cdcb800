import { startDockerRegistry } from '../docker-registry.ts';
import type { Bench } from './bench.ts';
import { prepareKeyed } from './keyed.ts';
import { prepareKeyless } from './keyless.ts';
import type { Sigstore } from './sigstore.ts';

/**
 * Lets cosign verify what Gantry signs and attests, and Gantry what cosign does: with keys, and
 * keyless in a private Sigstore.
 * @returns false if a verdict is wrong
 */
export async function runChecks(
  bench: Bench,
  sigstore: Sigstore,
  say: (line: string) => void,
): Promise<boolean> {
  const { host, stop } = await startDockerRegistry();
  try {
    const checks = [
      ...(await prepareKeyed(bench, host)),
      ...(await prepareKeyless(bench, host, sigstore)),
    ];
    say('cosign and gantry, in a docker-registry, with a private Sigstore\n');

    let good = true;
    for (const { what, accept, verify } of checks) {
      const refusal = await verify().then(
        () => null,
        (error: Error) => error.message,
      );
      const right = (refusal === null) === accept;
      good &&= right;
      say(`${right ? '✓' : '✗'} ${what.padEnd(66)} ${accept ? 'accepted' : 'refused'}`);
      if (!right && refusal !== null) say(refusal);
    }

    return good;
  } finally {
    await stop();
  }
}
