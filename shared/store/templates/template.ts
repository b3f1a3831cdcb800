import { Entity } from 'electrodb';
import { GantryError } from '../../base/error.ts';
import type { Assignment, Metadata, Template } from '../../domain/templates/index.ts';
import {
  type Attributes,
  change,
  create,
  type Db,
  each,
  first,
  json,
  key,
  number,
  query,
  queryShards,
  read,
  remove,
  service,
  shardOf,
  text,
  type Write,
} from '../db.ts';

const listShards = 4;

export const options = { table: 'table' };

const templates = new Entity(
  {
    model: { entity: 'template', version: '1', service },
    attributes: {
      account: text,
      id: text,
      shard: number,
      name: text,
      platform: text,
      revision: number,
      created_at: text,
      updated_at: text,
    } satisfies Attributes<Template>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'id'], '${account}#template#${id}'),
        sk: key('sk', [], 'template'),
      },
      list: {
        index: 'gsi1',
        pk: key('gsi1pk', ['account', 'shard'], '${account}#templates#${shard}'),
        sk: key('gsi1sk', ['id'], '${id}'),
      },
    },
  } as const,
  options,
);

/** Assignments live in their template's partition, so that one consistent query reads what a template is made of. */
const assignments = new Entity(
  {
    model: { entity: 'assignment', version: '1', service },
    attributes: {
      account: text,
      id: text,
      template_id: text,
      module: text,
      constraint: json<string | null>(),
      metadata: json<Metadata>(),
      effective_priority: json<number | null>(),
      created_at: text,
      updated_at: text,
    } satisfies Attributes<Assignment>,
    indexes: {
      primary: {
        pk: key('pk', ['account', 'template_id'], '${account}#template#${template_id}'),
        sk: key('sk', ['id'], 'assignment#${id}'),
      },
      byId: {
        index: 'gsi1',
        pk: key('gsi1pk', ['account', 'id'], '${account}#assignment#${id}'),
        sk: key('gsi1sk', [], 'assignment'),
      },
      byModule: {
        index: 'gsi2',
        pk: key('gsi2pk', ['module'], 'assigned#${module}'),
        sk: key('gsi2sk', ['account', 'template_id'], '${account}#${template_id}'),
      },
    },
  } as const,
  options,
);

export function getTemplate(db: Db, account: string, id: string): Promise<Template | null> {
  return read(db, templates, templates.get({ account, id }).params());
}

export function listTemplates(
  db: Db,
  account: string,
  limit = 1000,
  after = '',
): Promise<Template[]> {
  return queryShards<Template>(
    listShards,
    limit,
    (template) => template.id,
    (shard, count) =>
      query(
        db,
        templates,
        templates.query
          .list({ account, shard })
          .gt({ id: after || first })
          .params(),
        count,
      ),
  );
}

/** Every template of an account, as the index has it. */
export async function* eachTemplate(db: Db, account: string): AsyncGenerator<Template> {
  for (let shard = 0; shard < listShards; shard++) {
    yield* each<Template>(db, templates, templates.query.list({ account, shard }).params());
  }
}

export function createTemplate(template: Template): Write {
  return create(
    templates.create({ ...template, shard: shardOf(template.id, listShards) }).params(),
    () => new GantryError('already_exists', `template ${template.id} exists`),
  );
}

/** Counts a change of what the template is made of, if it still is at the revision that the change was checked at. */
export function bumpTemplate(account: string, id: string, was: number, updated_at: string): Write {
  return change(
    templates
      .patch({ account, id })
      .set({ revision: was + 1, updated_at })
      .where(({ revision }, { eq }) => eq(revision, was))
      .params(),
  );
}

/** Changes nothing, if the template still is at the revision that a change of one of its machines was checked at. */
export function holdTemplate(account: string, id: string, was: number): Write {
  return change(
    templates
      .patch({ account, id })
      .set({ revision: was })
      .where(({ revision }, { eq }) => eq(revision, was))
      .params(),
  );
}

export async function listAssignments(
  db: Db,
  account: string,
  template_id: string,
): Promise<Assignment[]> {
  return query(
    db,
    assignments,
    {
      ...assignments.query.primary({ account, template_id }).begins({ id: '' }).params(),
      ConsistentRead: true,
    },
    10_000,
  );
}

export async function findAssignment(
  db: Db,
  account: string,
  id: string,
): Promise<Assignment | null> {
  const [found] = await query<Assignment>(
    db,
    assignments,
    assignments.query.byId({ account, id }).params(),
    1,
  );
  return found ?? null;
}

/** Assignments of a module (`<account>/<name>`) in any account. */
export function assignmentsOf(db: Db, module: string): Promise<Assignment[]> {
  return query(db, assignments, assignments.query.byModule({ module }).params(), 100_000);
}

/** Ids of an account's templates that a module (`<account>/<name>`, anybody's) is assigned to. */
export async function templatesWith(db: Db, account: string, module: string): Promise<Set<string>> {
  const rows = await query<Assignment>(
    db,
    assignments,
    assignments.query.byModule({ module }).begins({ account }).params(),
    100_000,
  );
  return new Set(
    rows.filter((row) => row.account === account).map(({ template_id }) => template_id),
  );
}

export function createAssignment(assignment: Assignment): Write {
  return create(
    assignments.create(assignment as never).params(),
    () => new GantryError('already_exists', `assignment ${assignment.id} exists`),
  );
}

export function putAssignment(assignment: Assignment, was: string): Write {
  const { account, template_id, id, constraint, metadata, effective_priority, updated_at } =
    assignment;
  return change(
    assignments
      .patch({ account, template_id, id })
      .set({ constraint, metadata, effective_priority, updated_at } as never)
      .where((row, { eq }) => eq(row.updated_at, was))
      .params(),
  );
}

export function removeAssignment(assignment: Assignment): Write {
  const { account, template_id, id, updated_at } = assignment;
  return remove(
    assignments
      .remove({ account, template_id, id })
      .where((row, { eq }) => eq(row.updated_at, updated_at))
      .params(),
  );
}
