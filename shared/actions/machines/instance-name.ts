import { GantryError } from '../../base/error.ts';
import type { Instance } from '../../domain/machines/index.ts';
import type { Write } from '../../store/table/index.ts';
import { takeName } from '../../store/unique.ts';

/** Takes the name of an instance in its account. */
export function takeInstanceName({
  account,
  id: owner,
  name,
}: Pick<Instance, 'account' | 'id' | 'name'>): Write {
  return takeName(
    { account, kind: 'instance', value: name, owner },
    () => new GantryError('already_exists', `instance "${name}" exists already`, { field: 'name' }),
  );
}
