import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fail } from './fail.ts';
import { makeBench } from './interop/bench.ts';
import { runChecks } from './interop/checks.ts';
import { checkBoot, machineName, requireBoot } from './interop/machine/check-boot.ts';
import { type Cell, listCells, programsOf } from './interop/matrix/cells.ts';
import { makeSigners } from './interop/matrix/forms.ts';
import { openPlatform } from './interop/matrix/platform.ts';
import { isRight, type Result, runMatrix, type Site } from './interop/matrix/run.ts';
import { writeSeen } from './interop/matrix/seen.ts';
import { onStack } from './interop/on-stack.ts';
import { findPrograms } from './interop/programs.ts';
import { sigstorePrograms, startSigstore } from './interop/sigstore.ts';
import { localDirectory } from './local-cloud.ts';
import { describeWalk } from './walk/index.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);
const options = {
  only: { type: 'string', multiple: true },
  without: { type: 'string', multiple: true },
} as const;

/**
 * Lets real programs and Gantry work with what the other makes: first signatures and attestations
 * of cosign and Gantry, then a matrix of push tools, registries and forms of signatures on a
 * deployed stack, then a machine with Debian's kernel. Go builds the programs into
 * `.local/interop`. What is seen is kept for the docs.
 * @returns true if everything that should work does
 */
async function interop(): Promise<boolean> {
  const { values } = parseArgs({ options });
  const split = (lists: readonly string[] = []) => lists.flatMap((list) => list.split(','));
  const [only, without] = [split(values.only), split(values.without)];
  const isChosen = only.length === 0 || only.includes(machineName);
  const boots = isChosen && !without.includes(machineName);

  const isOther = (name: string) => name !== machineName;
  const choice = { only: only.filter(isOther), without: without.filter(isOther) };
  const isWhole = only.length === 0;
  const combines = isWhole || choice.only.length > 0;
  const cells = listCells(choice);

  const check = (directory: string) => checkPrograms(directory, cells, isWhole);
  const good = !combines || (await inScratch(check));
  return (!boots || (await inScratch(showMachine))) && good;
}

async function inScratch(use: (directory: string) => Promise<boolean>): Promise<boolean> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-interop-'));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Checks cells of the matrix, and in a whole run signatures and attestations before them. */
async function checkPrograms(
  directory: string,
  cells: readonly Cell[],
  isWhole: boolean,
): Promise<boolean> {
  const names = ['cosign', ...sigstorePrograms, ...programsOf(cells)] as const;
  const programs = await findPrograms(names, join(localDirectory, 'interop'), say);
  for (const [name, reason] of programs.missing) say(`${name} is not here: ${reason}`);

  const bench = makeBench(directory, programs);
  // The file of logins must be there for the checks too, which need none.
  await bench.logIn(new Map());
  const sigstore = await startSigstore(join(directory, 'sigstore'), programs, bench.cosign);
  try {
    const good = !isWhole || (await runChecks(bench, sigstore, say));
    const signers = await makeSigners(bench, sigstore);
    const use = { parent: directory, account: 'interop', say };
    const results = await onStack(use, ({ publicUrl }, token) => {
      const platform = openPlatform(publicUrl, token);
      return showMatrix(cells, { bench, programs, signers, platform });
    });

    return good && results.every(isRight);
  } finally {
    await sigstore.stop();
  }
}

/** Boots a machine. What this computer lacks for it is said. */
async function showMachine(directory: string): Promise<boolean> {
  say('\nA machine that boots from its composition, with the kernel of Debian in qemu');
  // apt's own user reads the packages below it.
  await chmod(directory, 0o755);
  try {
    await requireBoot();
    await onStack({ parent: directory, account: 'powernode', say }, (stack, token) => {
      const context = { stack, account: 'powernode', token, directory, say };
      const walk = describeWalk(context, (title) => say(`\n── ${title}`));
      return checkBoot(walk, directory);
    });
  } catch (error) {
    say(`✗ ${machineName}: ${(error as Error).message}`);
    return false;
  }

  say(`✓ ${machineName}`);
  return true;
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
