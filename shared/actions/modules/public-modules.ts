import { notFoundError } from '../../base/not-found.ts';
import { type Module, type PublicModule, presentPublicModule } from '../../domain/modules/index.ts';
import { getModule, listPublicModules, readLiveVersions } from '../../store/modules/index.ts';
import type { Services } from '../context/index.ts';

/**
 * Part of the public modules of all accounts, or of one, after the place `<account>/<name>`. It
 * reads no private one, because the cursor of a page that ends early names the last row.
 */
export async function readPublicModules(
  { db }: Services,
  publisher: string | undefined,
  part: { limit: number; after: string },
): Promise<Module[]> {
  if (publisher === undefined) return listPublicModules(db, part.limit, part.after);

  const after = part.after === '' ? `${publisher}/` : part.after;
  const modules = await listPublicModules(db, part.limit, after);
  return modules.filter(({ account }) => account === publisher);
}

/** Modules as every account may see them. */
export async function presentPublicModules(
  { db }: Services,
  modules: readonly Module[],
): Promise<PublicModule[]> {
  const live = await readLiveVersions(db, modules);
  return modules.map((module) =>
    presentPublicModule(module, live.get(module.live_version_id ?? '') ?? null),
  );
}

/**
 * A module that every account may see. Throws the same `not_found` for a private module and for one
 * that does not exist.
 */
export async function requirePublicModule(
  { db }: Services,
  { account, name }: { account: string; name: string },
): Promise<Module> {
  const module = await getModule(db, account, name);
  if (module?.visibility === 'public') return module;
  throw notFoundError('public module', { account, name });
}
