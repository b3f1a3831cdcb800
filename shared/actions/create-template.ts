import type { CreateTemplateBody } from '../contract/api/template.ts';
import { newId } from '../contract/ids.ts';
import type { Caller } from '../domain/role.ts';
import type { Template } from '../domain/template.ts';
import { GantryError } from '../error.ts';
import { transact } from '../store/db.ts';
import { createEvent } from '../store/event.ts';
import { createTemplate as creation } from '../store/template.ts';
import { takeName } from '../store/unique.ts';
import { nowIso, type Services } from './services.ts';

/** Makes a template without assignments. `already_exists` when the name is taken in the account. */
export async function createTemplate(services: Services, caller: Caller, input: CreateTemplateBody): Promise<Template> {
  const at = nowIso(services);
  const { account, actor } = caller;
  const template: Template = {
    account,
    id: newId('template'),
    name: input.name,
    platform: input.platform,
    revision: 0,
    created_at: at,
    updated_at: at,
  };
  await transact(services.db, [
    creation(template),
    takeName(
      account,
      'template',
      template.name,
      template.id,
      () => new GantryError('already_exists', `template "${template.name}" exists already`, { field: 'name' }),
    ),
    createEvent({
      type: 'gantry.template.created',
      account,
      subject: `template/${template.id}`,
      actor,
      at,
      data: { name: template.name, platform: template.platform },
    }),
  ]);
  return template;
}
