import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { limits } from '../../../shared/base/limits/index.ts';
import type { Effect } from '../../../shared/domain/modules/index.ts';
import type { ManifestConflict, ManifestProblem } from '../../../shared/manifest/index.ts';
import type { GeneratedFile } from '../../build/generated-files.ts';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { failReading, readStart } from '../../input/read-start.ts';
import { formatGenerated } from '../../output/generated.ts';
import { formatProblems } from '../../output/problems.ts';
import { safe } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** The result of `validate`, the same on the command line and over HTTP. */
interface ManifestValidation {
  valid: boolean;
  errors: ManifestProblem[];
  warnings: ManifestProblem[];
  /** What the module does to machines besides its files; empty if invalid. */
  effects: Effect[];
  /** Units, rules of sudo and users that machines get from it; empty if invalid. */
  generated: GeneratedFile[];
  /** Conflicts with other modules of the account; empty offline. */
  conflicts: ManifestConflict[];
}

interface ValidateFlags extends Flags {
  category?: string;
  parent?: string;
}

/**
 * `gantry module validate`: checks a manifest, offline or against the other modules of the account.
 */
export function registerModuleValidate(module: Command): void {
  const command = module
    .command('validate [path]')
    .description('check a manifest.yaml, or the one in a directory (default: this directory)')
    .option('--category <slug>', 'also ask the control plane for conflicts with other modules')
    .option('--parent <dir>', 'repository of the parent module (default: ../<its name>)');
  describe(command, {
    notes: `
Without --category the command works offline and finds no conflicts. With it, the module is checked as a member of that
category. Requirements that no module meets are warnings. It shows the units, rules of sudo and users that machines get
from the module alone. Where systemd-analyze and visudo are installed, they check these files. --json prints {valid,
errors, warnings, effects, generated, conflicts}.`,
    examples: [
      'gantry module validate my-redis/manifest.yaml',
      'gantry module validate --category userland',
    ],
    no: 'invalid, or in conflict with another module',
    action: validate,
  });
}

async function validate(path: string | undefined, flags: ValidateFlags): Promise<ExitCode> {
  const file = await manifestFile(path ?? '.');
  const text = (await readStart(file, limits.moduleManifestBytesMax)).toString('utf8');
  const here = await validateHere(file, text, flags.parent);
  const result =
    flags.category === undefined || !here.valid
      ? here
      : await validateThere(text, flags.category, here);
  const { isRefused } = await import('../../../shared/manifest/index.ts');

  const { valid, errors, warnings, effects, generated, conflicts } = result;
  const shown = { valid, errors, warnings, effects, generated, conflicts };
  print(flags.json, shown, () => formatValidation(file, shown));
  return result.valid && !result.conflicts.some(isRefused) ? 0 : 1;
}

interface Here extends ManifestValidation {
  /** Shipped files; undefined if there is no `rootfs/`. */
  files?: string[] | undefined;
}

/** Checks the manifest, and what it says of the `rootfs/` beside it. */
async function validateHere(file: string, text: string, parent?: string): Promise<Here> {
  const { validateManifest } = await import('../../../shared/manifest/index.ts');
  const found = { ...validateManifest(text), effects: [], generated: [], conflicts: [] };
  if (!found.valid) return found;

  const { errors, warnings, ...plan } = await planHere(dirname(file), text, parent);
  const valid = errors.length === 0;
  return { ...found, ...plan, valid, errors, warnings: [...found.warnings, ...warnings] };
}

/** What a build would ship from `rootfs/`, with the warnings about it. */
async function planHere(directory: string, text: string, parent?: string) {
  const [
    { listEffects },
    { parseManifest },
    { inheritSpec },
    { planModule },
    { readRootfs },
    { previewGenerated },
  ] = await Promise.all([
    import('../../../shared/domain/modules/index.ts'),
    import('../../../shared/manifest/index.ts'),
    import('../../build/parent.ts'),
    import('../../build/plan.ts'),
    import('../../build/rootfs.ts'),
    import('../../build/generated-files.ts'),
  ]);

  const rootfs = join(directory, 'rootfs');
  const source = await readRootfs(rootfs);
  const read = { manifest: parseManifest(text).manifest, warnings: [] };
  const { manifest, warnings } = await inheritSpec({ directory, parent }, read);
  const { files, advice } = planModule(manifest, source);

  const { generated, error, ...judged } = await previewGenerated(manifest, {
    rootfs,
    source,
    files,
  });

  // A manifest may be checked without its repository.
  const isAlone = source.length === 0 && manifest.file_spec.length > 0;
  return {
    files: source.length === 0 ? undefined : files,
    effects: listEffects(manifest),
    generated,
    errors: error === null ? [] : [toError(error.message)],
    warnings: [
      ...warnings.map((message) => toWarning({ path: 'file_spec', message })),
      ...(isAlone ? [] : advice.map(toWarning)),
      ...judged.warnings.map((message) => toWarning({ path: '', message })),
    ],
  };
}

function toError(message: string): ManifestProblem {
  return { severity: 'error', line: 0, column: 0, path: '', message };
}

function toWarning({ path, message }: { path: string; message: string }): ManifestProblem {
  return { severity: 'warning', line: 0, column: 0, path, message };
}

/** Sends the list of shipped files too, so that the conflicts found are exact. */
async function validateThere(
  manifest_yaml: string,
  category_slug: string,
  here: Here,
): Promise<ManifestValidation> {
  const { client, responses } = await connect();
  const { files } = here;
  const sendFiles = files !== undefined && files.length <= limits.validateFilesMax;

  const there = await client.send(responses.validated, 'POST', '/manifests/validate', {
    manifest_yaml,
    category_slug,
    ...(sendFiles ? { files } : {}),
  });
  const onlyHere = here.warnings.filter(({ line }) => line === 0);
  const { generated } = here;
  return { ...there, generated, warnings: [...there.warnings, ...onlyHere] };
}

/** Formats one line for each finding, and what the module does to machines. */
function formatValidation(
  file: string,
  { valid, errors, warnings, effects, generated, conflicts }: ManifestValidation,
): string {
  const lines = formatProblems(file, { errors, warnings });
  for (const { kind, path, message } of conflicts)
    lines.push(`${file} ${kind} ${path}: ${message}`);

  lines.push(...effects.map(({ name, value }) => `  ${name}: ${value}`));
  return [
    ...lines.map(safe),
    ...formatGenerated(generated),
    ...(valid ? [`${file} is valid`] : []),
  ].join('\n');
}

async function manifestFile(path: string): Promise<string> {
  const stats = await stat(path).catch(failReading(path));
  return stats.isDirectory() ? join(path, 'manifest.yaml') : path;
}
