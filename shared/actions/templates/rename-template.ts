import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { Template } from '../../domain/templates/index.ts';
import { transact } from '../../store/table/index.ts';
import { renameTemplate as renaming, templateEvent } from '../../store/templates/index.ts';
import { freeName } from '../../store/unique.ts';
import { nowIso, type Services } from '../context/index.ts';
import { requireTemplate } from './require-template.ts';
import { takeTemplateName } from './template-name.ts';

/**
 * Gives a template another name. Machines and operations know it by its id, so nothing is composed
 * again.
 * @throws GantryError `not_found`, or `already_exists` where another template has the name
 */
export async function renameTemplate(
  services: Services,
  { account, actor }: Caller,
  { id, name }: { id: string; name: string },
): Promise<Template> {
  return retryConflicts(async () => {
    const template = await requireTemplate(services, account, id);
    if (template.name === name) return template;

    const next = { ...template, name };
    const cause = { actor, at: nowIso(services) };
    await transact(services.db, [
      renaming(template, name),
      takeTemplateName(next),
      freeName({ account, kind: 'template', value: template.name }),
      templateEvent(template, cause, 'renamed', { from: template.name, to: name }),
    ]);

    return next;
  });
}
