import type { Command } from 'commander';
import { limits } from '../../../shared/base/limits/index.ts';
import type { ExtensionValidation } from '../../../shared/extension/index.ts';
import { collectExtension, type ExtensionPlace } from '../../build/extension-place.ts';
import { collect, describe, type Flags } from '../../command.ts';
import { formatProblems } from '../../output/problems.ts';
import { safe } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

interface ValidateFlags extends Flags {
  root?: string[];
}

/** `gantry extension validate`: checks a manifest, and the files beside it if there are any. */
export function registerExtensionValidate(extension: Command): void {
  const command = extension
    .command('validate [place]')
    .description("check an extension's manifest: a link, a directory or a file (default: here)")
    .option('--root <dir>', 'folder that extensions may be installed below; repeatable', collect);
  describe(command, {
    notes: `
A directory must hold one manifest.yaml or manifest.yml, and the entrypoint that it names. Files and directories are
checked offline. --json prints {valid, errors, warnings, manifest}. The manifest there is the one that Gantry reads,
with every default filled in.`,
    examples: [
      'gantry extension validate',
      'gantry extension validate tape-backup/manifest.yaml --json',
      'gantry extension validate https://example.com/tape-backup/manifest.yaml',
    ],
    no: 'invalid',
    action: validate,
  });
}

async function validate(
  place: string | undefined,
  { json, root }: ValidateFlags,
): Promise<ExitCode> {
  const { validateExtensionManifest } = await import('../../../shared/extension/index.ts');
  const found = await collectExtension(place ?? '.', limits.extensionManifestBytesMax);
  const options = root === undefined ? {} : { roots: root.map((path) => path.replace(/\/$/, '')) };
  const result = await withFiles(found, validateExtensionManifest(found.text, options));

  print(json, result, () =>
    [
      ...formatProblems(found.file, result).map(safe),
      ...(result.valid ? [`${found.file} is valid`] : []),
    ].join('\n'),
  );
  return result.valid ? 0 : 1;
}

/** Adds what the files beside a valid manifest say. */
async function withFiles(
  { findings }: ExtensionPlace,
  result: ExtensionValidation,
): Promise<ExtensionValidation> {
  if (result.manifest === null) return result;
  const problems = (await findings(result.manifest)).map((problem) => ({
    ...problem,
    line: 0,
    column: 0,
  }));
  const errors = problems.filter(({ severity }) => severity === 'error');
  const valid = errors.length === 0;

  return {
    valid,
    errors,
    warnings: [...result.warnings, ...problems.filter(({ severity }) => severity === 'warning')],
    manifest: valid ? result.manifest : null,
  };
}
