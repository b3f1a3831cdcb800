import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { isSlug } from '../../../shared/base/slug.ts';
import type { BuildOptions, BuildResult } from '../../build/build-module.ts';
import type { DebSource } from '../../build/packages/deb-cache.ts';
import type { ArtifactReader } from '../../build/packages/required-modules.ts';
import { collect, describe, type Flags } from '../../command.ts';
import {
  addRegistryOptions,
  openTarget,
  type RegistryFlags,
  type Target,
} from '../../input/registry-target.ts';
import {
  addPolicyOptions,
  namesSigner,
  type PolicyFlags,
  readPolicy,
} from '../../input/signature-policy.ts';
import { formatGenerated } from '../../output/generated.ts';
import { showSpinner } from '../../output/progress.ts';
import { type ExitCode, print } from '../../run.ts';

interface BuildFlags extends Flags, RegistryFlags, PolicyFlags {
  dryRun?: true;
  rootfsOnly?: true;
  out?: string;
  platform?: string[];
  mirror?: string[];
  keyring?: string;
  require?: string[];
  parent?: string;
  updateLock?: true;
  carve?: boolean;
  ids?: string;
  unverified?: true;
  packages?: string[];
  savePackages?: string;
  vex?: string;
}

/** `gantry module build`: builds `dist/module.tar` from packages and `rootfs/`. */
export function registerModuleBuild(module: Command): void {
  const command = module
    .command('build [dir]')
    .description('build a module from its packages and rootfs/ (default: this directory)')
    .option('--dry-run', 'only write manifest.json, file-list.txt and package-list.txt')
    .option('--rootfs-only', 'build without the packages of package_spec')
    .option('--out <dir>', 'directory for the results (default: dist beside the manifest)')
    .option(
      '--platform <platform>',
      'platform to build for, such as ubuntu-24.04-amd64 (repeatable; default: debian-12)',
      collect,
    )
    .option(
      '--mirror <url>',
      'archive of the packages, with its suite if another (repeatable)',
      collect,
    )
    .option('--keyring <file>', 'keys that sign the archive')
    .option(
      '--require <module=place>',
      'directory or registry reference of a required module (repeatable; default: beside this one)',
      collect,
    )
    .option('--unverified', 'take required modules from a registry without a trusted signature')
    .option('--parent <dir>', 'repository of the parent module (default: ../<its name>)')
    .option('--update-lock', 'resolve packages again and write module.lock.json')
    .option('--carve', 'leave out package files that file_spec does not name; kept in the lock')
    .option('--no-carve', 'ship all package files again')
    .option('--ids <file>', 'table of user and group ids (default: ids.yaml here or above)')
    .option('--packages <ref>', 'repository where packages were saved (repeatable)', collect)
    .option('--save-packages <ref>', 'push the packages of the lock as an OCI artifact')
    .option('--vex <file>', 'VEX document to write beside the module; "grype" makes one');
  addRegistryOptions(addPolicyOptions(command));
  describe(command, {
    notes: `
The trust options say whose signature a required module of a registry must have, as in "gantry module verify".
The same input and lock give the same bytes. Files of rootfs/ get the time SOURCE_DATE_EPOCH. Without it, they get
the time of the last commit, or 0 outside a git repository. Packages need mmdebstrap, and root or user namespaces.
Several platforms are built to a directory each below the results. A module without file_spec ships what the
dependency_spec of its parent module selects. As "gantry module validate" does, it shows the units, rules of sudo and
users that machines get.`,
    examples: [
      'gantry module build --dry-run && gantry module build',
      'gantry module build --platform debian-12-amd64 --platform debian-12-arm64',
      'gantry module build --update-lock --require system-base=../base',
      `gantry module build --require system-base=ghcr.io/acme/base:v1.0.0 \\
    --key base.pub --no-require-tlog`,
    ],
    action: build,
  });
}

async function build(dir: string | undefined, flags: BuildFlags): Promise<ExitCode> {
  const { defaultPlatform } = await import('../../build/packages/platform.ts');
  const platforms = flags.platform ?? [defaultPlatform()];
  for (const platform of platforms) {
    if (isSlug(platform)) continue;
    const message = `expected a platform such as ubuntu-24.04-amd64, found ${JSON.stringify(platform)}`;
    throw new GantryError('usage', message, { field: 'platform', found: platform });
  }

  const directory = dir ?? '.';
  const out = flags.out === undefined ? join(directory, 'dist') : resolve(flags.out);
  const results: BuildResult[] = [];

  for (const platform of platforms) {
    const place = platforms.length === 1 ? out : join(out, platform);
    results.push(await buildOne(directory, { out: place, platform }, flags));
  }

  const [first] = results;
  const shown = results.length === 1 ? first : { builds: results };
  print(flags.json, shown, () => results.map(formatBuild).join('\n'));
  return 0;
}

async function buildOne(
  directory: string,
  { out, platform }: { out: string; platform: string },
  flags: BuildFlags,
): Promise<BuildResult> {
  const { buildModule } = await import('../../build/build-module.ts');
  const { savedPackages, savePackages } = await import('../../build/packages/packages-artifact.ts');
  const given = parseRequire(flags.require ?? []);
  const readArtifact = await openRequired([...given.values()], flags);
  const sources: DebSource[] = [];
  for (const saved of flags.packages ?? [])
    sources.push(savedPackages(await openRepository(saved, flags)));
  const target =
    flags.savePackages === undefined ? undefined : await openTarget(flags.savePackages, flags);

  const spinner = await showSpinner(flags, 'building');
  const options: BuildOptions = {
    directory,
    out,
    dryRun: flags.dryRun ?? false,
    rootfsOnly: flags.rootfsOnly ?? false,
    vex: flags.vex,
    parent: flags.parent,
    sourceDateEpoch: process.env.SOURCE_DATE_EPOCH,
    packages: {
      platform,
      mirrors: flags.mirror ?? [],
      keyring: flags.keyring,
      given,
      readArtifact,
      updateLock: flags.updateLock ?? false,
      carve: flags.carve,
      ids: flags.ids,
      sources,
      onStep: (step) => spinner.message(`${platform}: ${step}`),
      ...(target === undefined ? {} : { save: (debs, cache) => savePackages(target, debs, cache) }),
    },
  };

  const result = await buildModule(options).finally(spinner.stop);
  if (!flags.json)
    for (const warning of result.warnings) process.stderr.write(`gantry: warning: ${warning}\n`);
  return result;
}

/**
 * How required modules of a registry are read: with a signature that the trust options accept, or
 * with none if the user says so.
 * @throws GantryError `usage` before the first call to the registry
 */
async function openRequired(places: readonly string[], flags: BuildFlags): Promise<ArtifactReader> {
  const { isReference } = await import('../../build/packages/required-modules.ts');
  const { readRequiredArtifact } = await import('../../build/packages/required-artifact.ts');
  const reference = places.find(isReference);
  if (reference !== undefined && flags.unverified === undefined && !namesSigner(flags)) {
    const message = `expected --key, or --identity with --issuer, for the signature of ${reference}, found neither; pass --unverified to take it without`;
    throw new GantryError('usage', message, { field: 'require', found: reference });
  }

  const policy = namesSigner(flags) ? await readPolicy(flags) : null;
  return async (text, wanted) =>
    readRequiredArtifact(await openTarget(text, flags), policy, wanted);
}

/** A tag is allowed and not needed: packages are found by their digests. */
async function openRepository(text: string, flags: BuildFlags): Promise<Target> {
  const hasName = /(?::[^/]+|@sha256:[0-9a-f]+)$/.test(text);
  return openTarget(hasName ? text : `${text}:latest`, flags);
}

function parseRequire(entries: readonly string[]): Map<string, string> {
  return new Map(
    entries.map((entry) => {
      const equals = entry.indexOf('=');
      if (equals > 0) return [entry.slice(0, equals), entry.slice(equals + 1)];
      throw new GantryError(
        'usage',
        `expected --require <module>=<directory or reference>, found "${entry}"`,
        {
          field: 'require',
          found: entry,
        },
      );
    }),
  );
}

function formatBuild(result: BuildResult): string {
  const leftOut = result.packages_left_out.length;
  const counts = `${formatCount(result.files, 'file')}, ${formatCount(result.packages, 'package')}${leftOut > 0 ? ` (${leftOut} left out)` : ''}`;
  if (result.outputs.module === undefined) {
    return [
      `${result.name}: would ship ${counts}`,
      ...formatGenerated(result.generated),
      `wrote ${Object.values(result.outputs).join(', ')}`,
    ].join('\n');
  }

  return [
    `${result.name}: built ${result.outputs.module} with ${counts}, ${result.layer_size} bytes`,
    `layer digest     ${result.layer_digest}`,
    `composefs digest ${result.composefs_digest}`,
    ...formatLockChanges(result.lock_changes),
    ...formatGenerated(result.generated),
  ].join('\n');
}

function formatLockChanges(changes: BuildResult['lock_changes']): string[] {
  if (changes === undefined) return [];
  const { added, removed, changed } = changes;
  const lines = [
    ...added.map((one) => `  + ${one}`),
    ...removed.map((one) => `  - ${one}`),
    ...changed.map((one) => `  ~ ${one}`),
  ];
  return lines.length === 0 ? ['lock unchanged'] : ['lock updated:', ...lines];
}

function formatCount(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
