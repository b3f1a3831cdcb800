import { GantryError } from '../../base/error.ts';
import { notFoundError } from '../../base/not-found.ts';
import type { Assignment, Template } from '../../domain/templates/index.ts';
import { type Db, type Draft, entity, type Write } from '../table/index.ts';

const templates = entity<Template>()({
  name: 'template',
  attributes: {
    account: 'text',
    id: 'text',
    name: 'text',
    platform: 'text',
    instance_added_at: 'json',
    revision: 'number',
    created_at: 'text',
    updated_at: 'text',
  },
  shards: { count: 4, of: ({ id }) => id },
  key: { pk: '${account}#template#${id}', sk: 'template' },
  lists: { byId: { index: 'gsi1', pk: '${account}#templates#${shard}', sk: '${id}' } },
});

/**
 * Assignments live in their template's partition, so that one consistent query reads what a
 * template is made of.
 */
const assignments = entity<Assignment>()({
  name: 'assignment',
  attributes: {
    account: 'text',
    id: 'text',
    template_id: 'text',
    module: 'text',
    constraint: 'json',
    metadata: 'json',
    effective_priority: 'json',
    revision: 'number',
    created_at: 'text',
    updated_at: 'text',
  },
  key: { pk: '${account}#template#${template_id}', sk: 'assignment#${id}' },
  lists: {
    byId: { index: 'gsi1', pk: '${account}#assignment#${id}', sk: 'assignment' },
    byModule: { index: 'gsi2', pk: 'assigned#${module}', sk: '${account}#${template_id}' },
  },
});

export function getTemplate(db: Db, account: string, id: string): Promise<Template | null> {
  return templates.get(db, { account, id });
}

export async function listTemplates(
  db: Db,
  account: string,
  limit = 1000,
  after = '',
): Promise<Template[]> {
  return (await templates.list(db, 'byId', { account }, { limit, after })).rows;
}

/** Every template of an account, as the index has it. */
export function eachTemplate(db: Db, account: string): AsyncGenerator<Template> {
  return templates.each(db, 'byId', { account });
}

export function createTemplate(template: Draft<Template>): Write {
  return templates.create(
    template,
    () => new GantryError('already_exists', `template ${template.id} exists`),
  );
}

/** Renames a template that still has this name: its compositions do not depend on it. */
export function renameTemplate({ account, id, name: was }: Template, name: string): Write {
  return templates.adjust({ account, id }, { set: { name } }, { name: was });
}

/** Notes that a template has a new machine, which indexes show later. */
export function noteInstanceAdded(account: string, id: string, instance_added_at: string): Write {
  return templates.adjust({ account, id }, { set: { instance_added_at } }, {}, () =>
    notFoundError('template', { account, name: id, field: 'template_id' }),
  );
}

/** Removes a template, unless it was changed or got a machine since it was read. */
export function removeTemplate(was: Template): Write {
  const { name, instance_added_at } = was;
  return templates.remove(was, { where: { name, instance_added_at } });
}

/**
 * Counts a change of what the template is made of, if it still has the revision that the change was
 * checked at.
 */
export function bumpTemplate(account: string, id: string, was: number, updated_at: string): Write {
  return templates.updateWhere({ account, id }, { revision: was }, { updated_at });
}

/**
 * Lets a transaction through only while the template has the revision that a change of a machine
 * was checked at.
 */
export function holdTemplate(account: string, id: string, was: number): Write {
  return templates.hold({ account, id }, { revision: was });
}

export function listAssignments(
  db: Db,
  account: string,
  template_id: string,
): Promise<Assignment[]> {
  return assignments.all(db, 'primary', { account, template_id });
}

export async function findAssignment(
  db: Db,
  account: string,
  id: string,
): Promise<Assignment | null> {
  const { rows } = await assignments.list(db, 'byId', { account, id }, { limit: 1 });
  return rows[0] ?? null;
}

/** Assignments of a module (`<account>/<name>`) in any account. */
export function assignmentsOf(db: Db, module: string): Promise<Assignment[]> {
  return assignments.all(db, 'byModule', { module });
}

/**
 * Ids of an account's templates that a module (`<account>/<name>`, of any account) is assigned to.
 */
export async function templatesWith(db: Db, account: string, module: string): Promise<Set<string>> {
  const rows = await assignments.all(db, 'byModule', { module }, { begins: `${account}#` });
  return new Set(rows.map(({ template_id }) => template_id));
}

export function createAssignment(assignment: Draft<Assignment>): Write {
  return assignments.create(
    assignment,
    () => new GantryError('already_exists', `assignment ${assignment.id} exists`),
  );
}

export function putAssignment(
  was: Assignment,
  set: Pick<Assignment, 'constraint' | 'metadata' | 'effective_priority' | 'updated_at'>,
): Write {
  const { constraint, metadata, effective_priority, updated_at } = set;
  return assignments.update(was, { constraint, metadata, effective_priority, updated_at });
}

export function removeAssignment(was: Assignment): Write {
  return assignments.remove(was);
}
