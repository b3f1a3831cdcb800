import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDockerRegistry } from './docker-registry.ts';
import { fail } from './fail.ts';
import type { Bench } from './interop/check.ts';
import { prepareKeyed } from './interop/keyed.ts';
import { prepareKeyless } from './interop/keyless.ts';
import { ensurePrograms } from './interop/programs.ts';
import { startSigstore } from './interop/sigstore.ts';
import { run } from './run.ts';

const root = join(import.meta.dirname, '..');
const say = (line: string) => process.stdout.write(`${line}\n`);

/**
 * Lets a real cosign verify what Gantry signs and attests, and Gantry what cosign does: with keys,
 * and keyless in a private Sigstore. The programs are built with Go into `.local/interop`.
 */
async function interop(): Promise<boolean> {
  const programs = await ensurePrograms(join(root, '.local/interop'), say);
  const directory = await mkdtemp(join(tmpdir(), 'gantry-interop-'));
  const registry = await startDockerRegistry();
  const env = {
    ...process.env,
    COSIGN_PASSWORD: 'interop',
    DOCKER_CONFIG: directory,
    HOME: directory,
  };

  const bench: Bench = {
    directory,
    host: registry.host,
    cosign: (...args) => run(programs.cosign, args, { cwd: directory, env }),
    gantry: (...args) =>
      run(join(root, 'bin/gantry'), ['module', ...args], { cwd: directory, env }),
  };

  const sigstore = await startSigstore(join(directory, 'sigstore'), programs, bench.cosign);
  try {
    const checks = [...(await prepareKeyed(bench)), ...(await prepareKeyless(bench, sigstore))];
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
    await sigstore.stop();
    await registry.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

try {
  process.exitCode = (await interop()) ? 0 : 1;
} catch (error) {
  fail(error);
}
