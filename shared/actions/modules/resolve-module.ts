import { GantryError } from '../../base/error.ts';
import type { Module } from '../../domain/modules/index.ts';
import { commonAccount, splitModule } from '../../domain/templates/index.ts';
import { getModule } from '../../store/modules/index.ts';
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

  throw new GantryError(
    'not_found',
    `expected a module of account "${own}" or a public one, found no "${reference}"`,
    {
      field: 'module',
      found: reference,
    },
  );
}
