import type { ValidateManifestBody } from '../contract/api/module.ts';
import type { Caller } from '../domain/role.ts';
import { checkAgainstRow, type ManifestProblem, ModuleManifestSchemaError, parseManifest } from '../manifest/index.ts';
import { getCategory } from '../store/account.ts';
import { getModule } from '../store/module.ts';
import type { Services } from './services.ts';

export interface ManifestVerdict {
  valid: boolean;
  errors: ManifestProblem[];
  warnings: ManifestProblem[];
  conflicts: { kind: string; module: string; path: string; message: string }[];
}

/**
 * Judges a manifest's text: by itself, against the registration of the module that it names (where there is one), and
 * its category, which an unknown slug makes an error. Problems that have no place in the text are at line 0.
 */
export async function validateManifest(
  services: Services,
  caller: Caller,
  input: ValidateManifestBody,
): Promise<ManifestVerdict> {
  const problems = [
    ...(await categoryProblems(services, caller, input)),
    ...(await problemsOf(services, caller, input)),
  ];
  const errors = problems.filter(({ severity }) => severity === 'error');
  const warnings = problems.filter(({ severity }) => severity === 'warning');
  return { valid: errors.length === 0, errors, warnings, conflicts: [] };
}

async function categoryProblems(
  { db }: Services,
  { account }: Caller,
  { category_slug: slug }: ValidateManifestBody,
): Promise<ManifestProblem[]> {
  if (slug === undefined || (await getCategory(db, account, slug)) !== null) return [];
  return [elsewhere('category_slug', `expected a category of account "${account}", found "${slug}"`)];
}

async function problemsOf(
  { db }: Services,
  { account }: Caller,
  { manifest_yaml: text }: ValidateManifestBody,
): Promise<ManifestProblem[]> {
  try {
    const { manifest, warnings } = parseManifest(text);
    const row = await getModule(db, account, manifest.name);
    const misfits = row === null ? [] : checkAgainstRow(manifest, row);
    return [...warnings, ...misfits.map(({ path, message }) => elsewhere(path, message))];
  } catch (error) {
    if (error instanceof ModuleManifestSchemaError) return error.problems;
    throw error;
  }
}

function elsewhere(path: string, message: string): ManifestProblem {
  return { severity: 'error', line: 0, column: 0, path, message };
}
