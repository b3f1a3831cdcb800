import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import { GantryError } from '../../shared/error.ts';
import { limits } from '../../shared/limits.ts';
import type { ManifestProblem } from '../../shared/manifest/index.ts';
import { type ExitCode, print, run } from '../run.ts';

/** What `validate` answers, on the command line as over HTTP and MCP (product.md, section 2). */
interface ManifestValidation {
  valid: boolean;
  errors: ManifestProblem[];
  warnings: ManifestProblem[];
  /** With the account's other modules; none are known offline. */
  conflicts: unknown[];
}

/** `gantry module validate`: what is wrong with a manifest, offline. */
export function registerModuleValidate(module: Command): void {
  module
    .command('validate [path]')
    .description('check a manifest.yaml, or the one in a directory (the current one), without the network')
    .option('--json', 'print {valid, errors, warnings, conflicts} as JSON')
    .addHelpText(
      'after',
      `
Example:
  gantry module validate my-redis/manifest.yaml

Exit codes: 0 valid, 1 invalid, 2 wrong usage or an error.`,
    )
    .action(run(validate));
}

async function validate(path: string | undefined, flags: { json?: true }): Promise<ExitCode> {
  const file = await manifestFile(path ?? '.');
  const text = await readManifest(file);
  const { validateManifest } = await import('../../shared/manifest/index.ts');
  const result: ManifestValidation = { ...validateManifest(text), conflicts: [] };
  print(flags.json, result, () => report(file, result));
  return result.valid ? 0 : 1;
}

/** One line a problem, in the form that editors and CI systems link to. */
function report(file: string, { valid, errors, warnings }: ManifestValidation): string {
  const problems = [...errors, ...warnings].sort((a, b) => a.line - b.line || a.column - b.column);
  const lines = problems.map(({ severity, line, column, path, message }) => {
    const words = [path, severity === 'warning' ? `warning: ${message}` : message].filter(Boolean);
    return `${file}:${line}:${column} ${words.join(' ')}`;
  });
  return [...lines, ...(valid ? [`${file} is valid`] : [])].join('\n');
}

async function manifestFile(path: string): Promise<string> {
  const stats = await stat(path).catch(unreadable(path));
  return stats.isDirectory() ? join(path, 'manifest.yaml') : path;
}

/** Reads no more than shows that a file is too long. */
async function readManifest(file: string): Promise<string> {
  const handle = await open(file).catch(unreadable(file));
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of handle.createReadStream({ end: limits.moduleManifestBytesMax, autoClose: false })) {
      chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch (error) {
    return unreadable(file)(error);
  } finally {
    await handle.close();
  }
}

function unreadable(path: string): (error: unknown) => never {
  return (error) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new GantryError('io_error', `expected a manifest at ${path}: ${why}`, { cause: error });
  };
}
