import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fail } from './fail.ts';
import { makeBench } from './interop/bench.ts';
import { runChecks } from './interop/checks.ts';
import { type Cell, listCells, programsOf } from './interop/matrix/cells.ts';
import { makeSigners } from './interop/matrix/forms.ts';
import { openPlatform } from './interop/matrix/platform.ts';
import { isRight, type Result, runMatrix, type Site } from './interop/matrix/run.ts';
import { writeSeen } from './interop/matrix/seen.ts';
import { findPrograms } from './interop/programs.ts';
import { sigstorePrograms, startSigstore } from './interop/sigstore.ts';
import { keptAdminToken } from './kept-token.ts';
import { cloudEnvironment, localDirectory } from './local-cloud.ts';
import { startLocalStack } from './local-stack.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);
const options = {
  only: { type: 'string', multiple: true },
  without: { type: 'string', multiple: true },
} as const;

/**
 * Lets real programs and Gantry work with what the other makes: first signatures and attestations
 * of cosign and Gantry, then a matrix of push tools, registries and forms of signatures on a
 * deployed stack. Go builds the programs into `.local/interop`. What is seen is kept for the docs.
 * @returns true if everything that should work does
 */
async function interop(): Promise<boolean> {
  const { values } = parseArgs({ options });
  const split = (lists: readonly string[] = []) => lists.flatMap((list) => list.split(','));
  const choice = { only: split(values.only), without: split(values.without) };
  const cells = listCells(choice);

  const names = ['cosign', ...sigstorePrograms, ...programsOf(cells)] as const;
  const programs = await findPrograms(names, join(localDirectory, 'interop'), say);
  for (const [name, reason] of programs.missing) say(`${name} is not here: ${reason}`);

  const directory = await mkdtemp(join(tmpdir(), 'gantry-interop-'));
  const bench = makeBench(directory, programs);
  // The file of logins must be there for the checks too, which need none.
  await bench.logIn(new Map());
  const sigstore = await startSigstore(join(directory, 'sigstore'), programs, bench.cosign);
  try {
    const good = choice.only.length > 0 || (await runChecks(bench, sigstore, say));
    const signers = await makeSigners(bench, sigstore);
    const results = await onStack(directory, (platform) =>
      showMatrix(cells, { bench, programs, signers, platform }),
    );

    return good && results.every(isRight);
  } finally {
    await sigstore.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Gives a use a deployed platform of its own, which ends with it. */
async function onStack<T>(
  parent: string,
  use: (platform: Site['platform']) => Promise<T>,
): Promise<T> {
  const directory = join(parent, 'stack');
  const stack = await startLocalStack({
    directory,
    portVariables: { cloud: 'GANTRY_CLOUD_PORT', site: 'GANTRY_PORT' },
    progress: say,
  });

  try {
    Object.assign(process.env, cloudEnvironment(stack.endpoint));
    const token = await keptAdminToken(stack, 'interop', directory);
    return await use(openPlatform(stack.publicUrl, token));
  } finally {
    await stack.stop();
  }
}

async function showMatrix(cells: readonly Cell[], site: Site): Promise<Result[]> {
  say(`\n${cells.length} modules: a push tool, a registry, a form of signature\n`);
  const results = await runMatrix(cells, site, (result) => {
    const { cell, outcome } = result;
    const names = [cell.tool.name, cell.registry.name, cell.form.name];
    writeSeen(site.programs, result);
    const shown = names.map((name) => name.padEnd(16)).join('');
    const reason = cell.limit === undefined ? '' : `; expected: ${cell.limit}`;

    say(
      `${isRight(result) ? '✓' : '✗'} ${shown} ${outcome.built ? 'built by' : ''} ${outcome.found}${reason}`,
    );
  });

  const wrong = results.filter((result) => !isRight(result)).length;
  say(`\n${results.length - wrong} of ${results.length} as expected`);
  return results;
}

try {
  process.exitCode = (await interop()) ? 0 : 1;
} catch (error) {
  fail(error);
}
