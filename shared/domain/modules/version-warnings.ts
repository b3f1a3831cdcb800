import type { ModuleManifest } from './manifest.ts';
import type { Module } from './module.ts';
import type { Version } from './version.ts';

/** What is odd about a version, though nothing forbids it. One sentence each. */
export function warnOfVersion(
  { kind, builds, manifest }: Pick<Version, 'kind' | 'builds' | 'manifest'>,
  row: Pick<Module, 'category'> | null,
): string[] {
  if (kind === 'platform') return [];
  const warnings: string[] = [];

  // The root directory itself is an entry.
  const empty = builds.filter(({ entries }) => entries <= 1).map(({ platform }) => platform);
  if (empty.length > 0)
    warnings.push(`Ships nothing for ${empty.join(', ')}: its layer has no file and no directory.`);

  const category = warnOfCategory(manifest, row);
  return category === null ? warnings : [...warnings, category];
}

/** A manifest may say the category that it is written for; the registration decides. */
export function warnOfCategory(
  { category }: Pick<ModuleManifest, 'category'>,
  row: Pick<Module, 'category'> | null,
): string | null {
  if (row === null || category === undefined || category === row.category) return null;
  return `Written for the category "${category}", and registered in "${row.category}", which decides.`;
}
