import type { Command } from 'commander';
import type { ExtensionValidation } from '../../../shared/extension/index.ts';
import { readExtensionPlace } from '../../build/extension-place.ts';
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
    .description('check an extension: a directory, an archive or a manifest, or a link to one')
    .option('--root <dir>', 'folder that extensions may be installed below; repeatable', collect);
  describe(command, {
    notes: `
A directory or archive must hold one manifest.yaml or manifest.yml, and the entrypoint that it names. Files and
directories are checked offline. --json prints {valid, errors, warnings, manifest, tree_digest}. The manifest there is
the one that Gantry reads, with every default filled in.`,
    examples: [
      'gantry extension validate',
      'gantry extension validate tape-backup/manifest.yaml --json',
      'gantry extension validate https://example.com/tape-backup-1.2.0.tar.gz',
    ],
    no: 'invalid',
    action: validate,
  });
}

async function validate(
  place: string | undefined,
  { json, root }: ValidateFlags,
): Promise<ExitCode> {
  const options = root === undefined ? {} : { roots: root.map((path) => path.replace(/\/$/, '')) };
  const { file, ...result } = await check(place ?? '.', options);

  print(json, result, () =>
    [
      ...formatProblems(file, result).map(safe),
      ...(result.valid ? [`${file} is valid`] : []),
      ...(result.valid && result.tree_digest !== null ? [`tree ${result.tree_digest}`] : []),
    ].join('\n'),
  );
  return result.valid ? 0 : 1;
}

interface Checked extends ExtensionValidation {
  /** What people know it by. */
  file: string;
  /** Null for a manifest alone. */
  tree_digest: string | null;
}

async function check(place: string, options: { roots?: string[] }): Promise<Checked> {
  const { readExtensionTree, validateExtensionManifest } = await import(
    '../../../shared/extension/index.ts'
  );
  const found = await readExtensionPlace(place);
  if ('text' in found) {
    const result = validateExtensionManifest(found.text, options);
    return { ...result, tree_digest: null, file: place };
  }

  const { file, ...result } = readExtensionTree(found.tree, options);
  return { ...result, file: `${place.replace(/\/$/, '')}/${file}` };
}
