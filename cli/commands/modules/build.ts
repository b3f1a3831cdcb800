import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { isSlug } from '../../../shared/base/slug.ts';
import type { BuildResult } from '../../build/build-module.ts';
import { describe, type Flags } from '../../command.ts';
import { withSpinner } from '../../output/progress.ts';
import { type ExitCode, print } from '../../run.ts';

interface BuildFlags extends Flags {
  dryRun?: true;
  rootfsOnly?: true;
  out?: string;
  platform?: string;
}

/** `gantry module build`: builds `dist/module.tar` from `rootfs/`. */
export function registerModuleBuild(module: Command): void {
  const command = module
    .command('build [dir]')
    .description('build a module from its manifest.yaml and rootfs/ (default: this directory)')
    .option('--dry-run', 'only write manifest.json, file-list.txt and package-list.txt')
    .option('--rootfs-only', 'build without the packages of package_spec')
    .option('--out <dir>', 'directory for the results (default: dist beside the manifest)')
    .option('--platform <platform>', 'platform to build for, such as ubuntu-24.04-amd64');
  describe(command, {
    notes: `
The same input gives the same bytes. All files get the time SOURCE_DATE_EPOCH. Without it, they get the time of
the last commit, or 0 outside a git repository.`,
    examples: ['gantry module build --dry-run && gantry module build'],
    action: build,
  });
}

async function build(dir: string | undefined, flags: BuildFlags): Promise<ExitCode> {
  if (flags.platform !== undefined && !isSlug(flags.platform)) {
    const message = `expected a platform such as ubuntu-24.04-amd64, found ${JSON.stringify(flags.platform)}`;
    throw new GantryError('usage', message, { field: 'platform', found: flags.platform });
  }

  const { buildModule } = await import('../../build/build-module.ts');
  const directory = dir ?? '.';

  const options = {
    directory,
    out: flags.out === undefined ? join(directory, 'dist') : resolve(flags.out),
    dryRun: flags.dryRun ?? false,
    rootfsOnly: flags.rootfsOnly ?? false,
    sourceDateEpoch: process.env.SOURCE_DATE_EPOCH,
  };

  const result = await withSpinner(flags, 'building', () => buildModule(options));

  if (!flags.json)
    for (const warning of result.warnings) process.stderr.write(`gantry: warning: ${warning}\n`);
  print(flags.json, { ...result, platform: flags.platform ?? null }, () => formatBuild(result));
  return 0;
}

function formatBuild(result: BuildResult): string {
  const leftOut = result.packages_left_out.length;
  const counts = `${formatCount(result.files, 'file')}, ${formatCount(result.packages, 'package')}${leftOut > 0 ? ` (${leftOut} left out)` : ''}`;
  if (result.outputs.module === undefined) {
    return `${result.name}: would ship ${counts}\nwrote ${Object.values(result.outputs).join(', ')}`;
  }

  return [
    `${result.name}: built ${result.outputs.module} with ${counts}, ${result.layer_size} bytes`,
    `layer digest     ${result.layer_digest}`,
    `composefs digest ${result.composefs_digest}`,
  ].join('\n');
}

function formatCount(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
