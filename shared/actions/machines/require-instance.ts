import { GantryError } from '../../base/error.ts';
import { notFoundError } from '../../base/not-found.ts';
import type { Instance } from '../../domain/machines/index.ts';
import { getInstance } from '../../store/machines/index.ts';
import type { Services } from '../context/index.ts';

/** Returns an instance of the account, decommissioned or not. Throws `not_found`. */
export async function requireInstance(
  services: Services,
  account: string,
  id: string,
): Promise<Instance> {
  const instance = await getInstance(services.db, account, id);
  if (instance === null) throw notFoundError('instance', { account, name: id });
  return instance;
}

/**
 * Returns an instance that is not decommissioned. Throws `not_found` or `instance_decommissioned`.
 */
export async function requireActiveInstance(
  services: Services,
  account: string,
  id: string,
): Promise<Instance> {
  const instance = await requireInstance(services, account, id);
  assertActive(instance);
  return instance;
}

/** Throws `instance_decommissioned`. */
export function assertActive({ state, name }: Pick<Instance, 'state' | 'name'>): void {
  if (state !== 'decommissioned') return;
  throw new GantryError('instance_decommissioned', `instance "${name}" is decommissioned`);
}
