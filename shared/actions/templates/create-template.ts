import { GantryError } from '../../base/error.ts';
import { newId } from '../../base/ids.ts';
import type { CreateTemplateBody } from '../../contract/templates/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { Template } from '../../domain/templates/index.ts';
import { createEvent } from '../../store/event.ts';
import { createTemplate as creation } from '../../store/templates/index.ts';
import { takeName } from '../../store/unique.ts';
import { commit, nowIso, type Services } from '../context/index.ts';

/**
 * Creates a template without assignments. Throws `already_exists` where the account has one of that
 * name.
 */
export async function createTemplate(
  services: Services,
  caller: Caller,
  input: CreateTemplateBody,
): Promise<Template> {
  const at = nowIso(services);
  const { account, actor } = caller;

  const template: Template = {
    account,
    id: newId('template'),
    name: input.name,
    platform: input.platform,
    revision: 1,
    created_at: at,
    updated_at: at,
  };

  const writes = [
    creation(template),
    takeName(
      { account, kind: 'template', value: template.name, owner: template.id },
      () =>
        new GantryError('already_exists', `template "${template.name}" already exists`, {
          field: 'name',
        }),
    ),
    createEvent({
      type: 'gantry.template.created',
      account,
      subject: `template/${template.id}`,
      actor,
      at,
      data: { name: template.name, platform: template.platform },
    }),
  ];

  return commit(services, writes, template);
}
