import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { isSlug } from '../../../shared/base/slug.ts';
import type { BuildResult } from '../../build/build-module.ts';
import { type ExitCode, print, run } from '../../run.ts';

interface BuildFlags {
  dryRun?: true;
  rootfsOnly?: true;
  out?: string;
  platform?: string;
  json?: true;
}

/** `gantry module build`: rootfs content to `dist/module.tar`. */
export function registerModuleBuild(module: Command): void {
  module
    .command('build [dir]')
    .description(
      'build the module in a directory (the current one) from its manifest.yaml and rootfs/',
    )
    .option('--dry-run', 'only write manifest.json, file-list.txt and package-list.txt')
    .option(
      '--rootfs-only',
      'leave out package_spec: the module ships, and says that it ships, files of rootfs/ only',
    )
    .option('--out <dir>', 'where results are written (default: dist in the module’s directory)')
    .option('--platform <platform>', 'platform that is built for, e.g. ubuntu-24.04-amd64')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
Times in the module are SOURCE_DATE_EPOCH, else the last commit's, else 0: same input, same bytes.

Example:
  gantry module build --dry-run && gantry module build

Exit codes: 0 built, 2 wrong usage or an error.`,
    )
    .action(run(build));
}

async function build(dir: string | undefined, flags: BuildFlags): Promise<ExitCode> {
  if (flags.platform !== undefined && !isSlug(flags.platform)) {
    const message = `--platform is ${JSON.stringify(flags.platform)}, expected a name such as ubuntu-24.04-amd64`;
    throw new GantryError('usage', message, { field: 'platform', found: flags.platform });
  }
  const { buildModule } = await import('../../build/build-module.ts');
  const directory = dir ?? '.';
  const result = await buildModule({
    directory,
    out: flags.out === undefined ? join(directory, 'dist') : resolve(flags.out),
    dryRun: flags.dryRun ?? false,
    rootfsOnly: flags.rootfsOnly ?? false,
    sourceDateEpoch: process.env.SOURCE_DATE_EPOCH,
  });
  if (!flags.json)
    for (const warning of result.warnings) process.stderr.write(`gantry: warning: ${warning}\n`);
  print(flags.json, { ...result, platform: flags.platform ?? null }, () => describe(result));
  return 0;
}

function describe(result: BuildResult): string {
  const leftOut = result.packages_left_out.length;
  const counts = `${count(result.files, 'file')}, ${count(result.packages, 'package')}${leftOut > 0 ? ` (${leftOut} left out)` : ''}`;
  if (result.outputs.module === undefined) {
    return `${result.name}: would ship ${counts}\nwrote ${Object.values(result.outputs).join(', ')}`;
  }
  return [
    `${result.name}: built ${result.outputs.module} with ${counts}, ${result.layer_size} bytes`,
    `layer digest     ${result.layer_digest}`,
    `composefs digest ${result.composefs_digest}`,
  ].join('\n');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
