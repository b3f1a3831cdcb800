import { notFoundError } from '../../base/not-found.ts';
import type { Module, Version } from '../../domain/modules/index.ts';
import { getModule, getVersion, modulesLike } from '../../store/modules/index.ts';
import type { Services } from '../context/index.ts';

/** Returns a module that the account registered. Throws `not_found`. */
export async function requireModule(
  services: Services,
  account: string,
  name: string,
): Promise<Module> {
  const module = await getModule(services.db, account, name);
  if (module !== null) return module;

  const { modules, others } = await modulesLike(services.db, account, name);
  const known = modules.map((row) => row.name);
  throw notFoundError('module', { account, name, field: 'module', known, others });
}

/** Returns a version of a module of the account. Throws `not_found`. */
export async function requireVersion(
  services: Services,
  account: string,
  id: string,
): Promise<Version> {
  const version = await getVersion(services.db, account, id);
  if (version === null) throw notFoundError('version', { account, name: id });
  return version;
}
