import { newId } from '../../base/ids.ts';
import type { CreateTemplateBody } from '../../contract/templates/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import type { Template } from '../../domain/templates/index.ts';
import { createTemplate as creation, templateEvent } from '../../store/templates/index.ts';
import { commit, nowIso, type Services } from '../context/index.ts';
import { takeTemplateName } from './template-name.ts';

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
    instance_added_at: null,
    revision: 1,
    created_at: at,
    updated_at: at,
  };

  const writes = [
    creation(template),
    takeTemplateName(template),
    templateEvent(template, { actor, at }, 'created', {
      name: template.name,
      platform: template.platform,
    }),
  ];

  return commit(services, writes, template);
}
