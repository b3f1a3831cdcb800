import { listNearest } from '../../base/nearest.ts';
import type { ValidateManifestBody } from '../../contract/modules/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { type Effect, listEffects, warnOfCategory } from '../../domain/modules/index.ts';
import {
  type ManifestConflict,
  type ManifestProblem,
  type ModuleManifest,
  ModuleManifestSchemaError,
  matchRegistration,
  parseManifest,
} from '../../manifest/index.ts';
import { getCategory, listCategories } from '../../store/accounts/index.ts';
import { getModule } from '../../store/modules/index.ts';
import type { Services } from '../context/index.ts';
import { accountConflicts } from './manifest-conflicts.ts';
import { unmetRequirements } from './unmet-requirements.ts';

export interface ManifestVerdict {
  valid: boolean;
  errors: ManifestProblem[];
  warnings: ManifestProblem[];
  effects: Effect[];
  conflicts: ManifestConflict[];
}

/**
 * Validates a manifest's text: by itself, against the registration of the module that it names (if
 * there is one), and against its category. A valid one is compared with the account's other modules
 * as well. Problems without a place in the text are at line 0.
 */
export async function validateManifest(
  services: Services,
  caller: Caller,
  input: ValidateManifestBody,
): Promise<ManifestVerdict> {
  const { manifest, problems } = await checkManifest(services, caller, input);
  problems.unshift(...(await checkCategorySlug(services, caller, input)));

  const errors = problems.filter(({ severity }) => severity === 'error');
  const warnings = problems.filter(({ severity }) => severity === 'warning');
  const valid = errors.length === 0;
  if (!valid || manifest === null) return { valid, errors, warnings, effects: [], conflicts: [] };

  const { conflicts, left } = await accountConflicts(services, caller.account, {
    manifest,
    ...input,
  });
  for (const { path, message } of await unmetRequirements(services, caller.account, manifest))
    warnings.push(problemElsewhere(path, message, 'warning'));
  if (left > 0)
    warnings.push(problemElsewhere('', `${left} more conflicts are not listed`, 'warning'));

  return { valid, errors, warnings, effects: listEffects(manifest), conflicts };
}

async function checkCategorySlug(
  { db }: Services,
  { account }: Caller,
  { category_slug: slug }: ValidateManifestBody,
): Promise<ManifestProblem[]> {
  if (slug === undefined || (await getCategory(db, account, slug)) !== null) return [];

  const known = (await listCategories(db, account)).map((category) => category.slug);
  const found = `found "${slug}"; it has ${listNearest(slug, known)}`;
  return [
    problemElsewhere('category_slug', `expected a category of account "${account}", ${found}`),
  ];
}

async function checkManifest(
  { db }: Services,
  { account }: Caller,
  { manifest_yaml: text }: ValidateManifestBody,
): Promise<{ manifest: ModuleManifest | null; problems: ManifestProblem[] }> {
  try {
    const { manifest, warnings } = parseManifest(text);
    const row = await getModule(db, account, manifest.name);
    const misfits = row === null ? [] : matchRegistration(manifest, row);
    const category = warnOfCategory(manifest, row);

    return {
      manifest,
      problems: [
        ...warnings,
        ...misfits.map(({ path, message }) => problemElsewhere(path, message)),
        ...(category === null ? [] : [problemElsewhere('category', category, 'warning')]),
      ],
    };
  } catch (error) {
    if (error instanceof ModuleManifestSchemaError)
      return { manifest: null, problems: [...error.problems] };
    throw error;
  }
}

function problemElsewhere(
  path: string,
  message: string,
  severity: 'error' | 'warning' = 'error',
): ManifestProblem {
  return { severity, line: 0, column: 0, path, message };
}
