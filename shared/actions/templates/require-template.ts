import { GantryError } from '../../base/error.ts';
import type { Assignment, Template } from '../../domain/templates/index.ts';
import { findAssignment, getTemplate } from '../../store/templates/index.ts';
import type { Services } from '../context/index.ts';

export async function requireTemplate(
  services: Services,
  account: string,
  id: string,
): Promise<Template> {
  const template = await getTemplate(services.db, account, id);
  if (template === null)
    throw new GantryError(
      'not_found',
      `expected a template of account "${account}", found no ${id}`,
    );
  return template;
}

export async function requireAssignment(
  services: Services,
  account: string,
  id: string,
): Promise<Assignment> {
  const assignment = await findAssignment(services.db, account, id);
  if (assignment === null) {
    throw new GantryError(
      'not_found',
      `expected an assignment of account "${account}", found no ${id}`,
    );
  }
  return assignment;
}
