import { notFoundError } from '../../base/not-found.ts';
import type { Assignment, Template } from '../../domain/templates/index.ts';
import { findAssignment, getTemplate } from '../../store/templates/index.ts';
import type { Services } from '../context/index.ts';

/** A template of the account; throws `not_found`. */
export async function requireTemplate(
  services: Services,
  account: string,
  id: string,
): Promise<Template> {
  const template = await getTemplate(services.db, account, id);
  if (template === null) throw notFoundError('template', { account, name: id });
  return template;
}

/** An assignment of a template of the account; throws `not_found`. */
export async function requireAssignment(
  services: Services,
  account: string,
  id: string,
): Promise<Assignment> {
  const assignment = await findAssignment(services.db, account, id);
  if (assignment === null) throw notFoundError('assignment', { account, name: id });
  return assignment;
}
