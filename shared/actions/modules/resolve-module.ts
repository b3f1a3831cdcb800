import { GantryError } from '../../base/error.ts';
import { sayNearest } from '../../base/nearest.ts';
import type { Module } from '../../domain/modules/index.ts';
import { commonAccount, splitModule } from '../../domain/templates/index.ts';
import { getModule, modulesLike } from '../../store/modules/index.ts';
import type { Services } from '../context/index.ts';

/**
 * Finds a module by its name: one of the own account, or by `<account>/<name>` a public one of
 * another account. A bare name is the own account's module, else the common account's.
 * @throws GantryError `not_found`
 */
export async function resolveModule(
  services: Services,
  own: string,
  reference: string,
): Promise<Module> {
  const asked = splitModule(reference, own);
  const places =
    reference.includes('/') || own === commonAccount
      ? [asked]
      : [asked, { ...asked, account: commonAccount }];

  for (const place of places) {
    const module = await getModule(services.db, place.account, place.name);
    if (module !== null && (place.account === own || module.visibility === 'public')) return module;
  }

  const { known, others } = await listAssignable(services, own, asked);
  throw new GantryError(
    'not_found',
    `expected a module of account "${own}" or a public one, found no "${reference}"; ${sayNearest(reference, known, others)}`,
    {
      field: 'module',
      found: reference,
    },
  );
}

/** Names of modules of the own account, the common account, and the one asked for. */
async function listAssignable(
  { db }: Services,
  own: string,
  asked: { account: string; name: string },
): Promise<{ known: string[]; others: boolean }> {
  const accounts = [...new Set([own, commonAccount, asked.account])];
  const found = await Promise.all(accounts.map((account) => modulesLike(db, account, asked.name)));
  const known = found
    .flatMap(({ modules }) => modules)
    .filter(({ account, visibility }) => account === own || visibility === 'public')
    .map(({ account, name }) => (account === own ? name : `${account}/${name}`));

  return { known, others: found.some(({ others }) => others) };
}
