import { GantryError } from '../../base/error.ts';
import type { Template } from '../../domain/templates/index.ts';
import type { Write } from '../../store/table/index.ts';
import { takeName } from '../../store/unique.ts';

/** Takes the name of a template in its account. */
export function takeTemplateName({
  account,
  id: owner,
  name,
}: Pick<Template, 'account' | 'id' | 'name'>): Write {
  return takeName(
    { account, kind: 'template', value: name, owner },
    () => new GantryError('already_exists', `template "${name}" already exists`, { field: 'name' }),
  );
}
