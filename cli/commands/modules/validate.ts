import { open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { limits } from '../../../shared/base/limits/index.ts';
import type { ManifestConflict, ManifestProblem } from '../../../shared/manifest/index.ts';
import { connect } from '../../client/api.ts';
import { safe } from '../../output/table.ts';
import { type ExitCode, print, run } from '../../run.ts';

/** What `validate` answers, on the command line as over HTTP and MCP (product.md, section 2). */
interface ManifestValidation {
  valid: boolean;
  errors: ManifestProblem[];
  warnings: ManifestProblem[];
  /** With the account's other modules; none are known offline. */
  conflicts: ManifestConflict[];
}

interface ValidateFlags {
  category?: string;
  json?: true;
}

/** `gantry module validate`: what is wrong with a manifest; offline, or held against the account's other modules. */
export function registerModuleValidate(module: Command): void {
  module
    .command('validate [path]')
    .description('check a manifest.yaml, or the one in a directory (the current one)')
    .option(
      '--category <slug>',
      'ask the control plane for conflicts with the account’s modules, in this category',
    )
    .option('--json', 'print {valid, errors, warnings, conflicts} as JSON')
    .addHelpText(
      'after',
      `
Without --category nothing leaves this machine, and no conflicts are looked for.

Examples:
  gantry module validate my-redis/manifest.yaml
  gantry module validate --category userland

Exit codes: 0 valid, 1 invalid or not to be composed with another module, 2 wrong usage or an error.`,
    )
    .action(run(validate));
}

async function validate(path: string | undefined, flags: ValidateFlags): Promise<ExitCode> {
  const file = await manifestFile(path ?? '.');
  const text = await readManifest(file);
  const result =
    flags.category === undefined
      ? await validateHere(text)
      : await validateThere(file, text, flags.category);
  const { isRefused } = await import('../../../shared/manifest/index.ts');
  print(flags.json, result, () => report(file, result));
  return result.valid && !result.conflicts.some(isRefused) ? 0 : 1;
}

async function validateHere(text: string): Promise<ManifestValidation> {
  const { validateManifest } = await import('../../../shared/manifest/index.ts');
  return { ...validateManifest(text), conflicts: [] };
}

/** Sends the files that would ship as well, so that conflicts are found exactly. */
async function validateThere(
  file: string,
  text: string,
  category_slug: string,
): Promise<ManifestValidation> {
  const here = await validateHere(text);
  if (!here.valid) return here;
  const { client, answers } = await connect();
  const files = await filesOf(dirname(file), text);
  return client.send(answers.validated, 'POST', '/manifests/validate', {
    manifest_yaml: text,
    category_slug,
    ...(files === undefined ? {} : { files }),
  });
}

/** What `rootfs/` beside the manifest would ship; undefined where there is none, or too much of it to send. */
async function filesOf(directory: string, text: string): Promise<string[] | undefined> {
  const [{ parseManifest }, { planModule }, { readRootfs }] = await Promise.all([
    import('../../../shared/manifest/index.ts'),
    import('../../build/plan.ts'),
    import('../../build/rootfs.ts'),
  ]);
  const source = await readRootfs(join(directory, 'rootfs'));
  const { files } = planModule(parseManifest(text).manifest, source);
  return source.length === 0 || files.length > limits.validateFilesMax ? undefined : files;
}

/** One line a problem, in the form that editors and CI systems link to. */
function report(file: string, { valid, errors, warnings, conflicts }: ManifestValidation): string {
  const problems = [...errors, ...warnings].sort((a, b) => a.line - b.line || a.column - b.column);
  const lines = problems.map(({ severity, line, column, path, message }) => {
    const words = [path, severity === 'warning' ? `warning: ${message}` : message].filter(Boolean);
    return `${file}:${line}:${column} ${words.join(' ')}`;
  });
  for (const { kind, path, message } of conflicts)
    lines.push(`${file} ${kind} ${path}: ${message}`);
  return [...lines.map(safe), ...(valid ? [`${file} is valid`] : [])].join('\n');
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
    for await (const chunk of handle.createReadStream({
      end: limits.moduleManifestBytesMax,
      autoClose: false,
    })) {
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
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing
      ? 'found none; run this in the directory of a module, or name it'
      : (error as Error).message;
    throw new GantryError('io_error', `expected a manifest at ${path}, ${why}`, { cause: error });
  };
}
