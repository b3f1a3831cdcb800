import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { packExtension } from '../../build/pack-extension.ts';
import { describe, type Flags } from '../../command.ts';
import { formatProblems } from '../../output/problems.ts';
import { safe } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry extension pack`: writes the archive of a directory. */
export function registerExtensionPack(extension: Command): void {
  const command = extension
    .command('pack [dir]')
    .description('write a .tar.gz of a valid extension (default: of this directory)')
    .requiredOption('--out <file>', 'where to write it, outside the directory');
  describe(command, {
    notes: `
The same files give the same bytes, and the tree digest of the directory. What git keeps for itself is left out. The
command refuses to replace a file.`,
    examples: [
      'gantry extension pack tape-backup --out tape-backup-1.2.0.tar.gz',
      'gantry extension pack --out ../tape-backup-1.2.0.tar.gz',
    ],
    no: 'invalid',
    action: pack,
  });
}

async function pack(
  dir: string | undefined,
  { json, out }: Flags & { out: string },
): Promise<ExitCode> {
  const directory = dir ?? '.';
  refuseInside(directory, out);
  const { result, archive } = await packExtension(directory);
  const { valid, errors, warnings, manifest, tree_digest, file } = result;
  if (manifest === null || archive === undefined) {
    print(json, { valid, errors, warnings }, () =>
      formatProblems(file, result).map(safe).join('\n'),
    );
    return 1;
  }

  await writeFile(out, archive, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST')
      throw new GantryError('already_exists', `expected no file at ${out}, found one`);
    throw new GantryError('io_error', `${out} cannot be written: ${error.message}`, {
      cause: error,
    });
  });

  const sha256 = createHash('sha256').update(archive).digest('hex');
  print(json, { file: out, bytes: archive.length, sha256, tree_digest, warnings }, () =>
    [
      ...formatProblems(file, { errors: [], warnings }).map(safe),
      `wrote ${out} (${archive.length} bytes, sha256:${sha256})`,
      `tree ${tree_digest}`,
    ].join('\n'),
  );
  return 0;
}

/** The next archive of the directory would hold this one. */
function refuseInside(directory: string, out: string): void {
  const path = relative(directory, out);
  if (path.startsWith('..')) return;
  throw new GantryError('usage', `expected --out outside ${directory}, found ${out}`);
}
