import { databasePaths, isSysusersFragment } from './accounts.ts';
import { isPackageRecord } from './dpkg.ts';
import type { UnitInput } from './input.ts';

/**
 * Lists the files of the merged root whose bytes `generateLayer` reads, sorted as the root is: the
 * databases of users, what builds recorded of users and packages.
 */
export function listNeededFiles({ entries }: Pick<UnitInput, 'entries'>): string[] {
  return entries
    .filter(({ type }) => type === 'file')
    .map(({ path }) => path)
    .filter((path) => databasePaths.has(path) || isSysusersFragment(path) || isPackageRecord(path));
}
