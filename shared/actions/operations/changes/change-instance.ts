import { GantryError } from '../../../base/error.ts';
import type { Caller } from '../../../domain/accounts/index.ts';
import type { Instance } from '../../../domain/machines/index.ts';
import type { Operation } from '../../../domain/operations/index.ts';
import type { Metadata, Track } from '../../../domain/templates/index.ts';
import { getInstance } from '../../../store/machines/index.ts';
import type { Services } from '../../context/index.ts';
import { requestOperation } from '../request-operation.ts';

/** Asks for an instance's metadata (replaced whole), track or clusters to be changed; what is left out stays. */
export async function changeInstance(
  services: Services,
  caller: Caller,
  input: { id: string; metadata?: Metadata; track?: Track; clusters?: string[] },
): Promise<Operation> {
  const instance = await requireMachine(services, caller.account, input.id);
  const { id, ...set } = input;
  const change = { kind: 'update_instance', instance_id: id, ...set } as const;
  return requestOperation(
    services,
    caller,
    'instance_change',
    change,
    `change instance ${instance.name}`,
  );
}

export async function requireInstance(
  services: Services,
  account: string,
  id: string,
): Promise<Instance> {
  const instance = await getInstance(services.db, account, id);
  if (instance === null)
    throw new GantryError(
      'not_found',
      `expected an instance of account "${account}", found no ${id}`,
    );
  return instance;
}

/** An instance that is not decommissioned. */
export async function requireMachine(
  services: Services,
  account: string,
  id: string,
): Promise<Instance> {
  const instance = await requireInstance(services, account, id);
  if (instance.state !== 'decommissioned') return instance;
  throw new GantryError('instance_decommissioned', `instance "${instance.name}" is decommissioned`);
}
