import { z } from 'zod';
import { readTemplateModules } from '../../../../shared/actions/compositions/index.ts';
import { keepAs, type Services } from '../../../../shared/actions/context/index.ts';
import {
  assignModule,
  assignmentChangesOf,
  removeAssignment,
  requestChanges,
  updateAssignment,
} from '../../../../shared/actions/operations/index.ts';
import {
  explainTemplatePath,
  previewChange,
  previewChanges,
  readAssignmentEffects,
  readChangesEffects,
  readComposition,
  readUpdateEffects,
} from '../../../../shared/actions/preview/index.ts';
import {
  createTemplate,
  deleteTemplate,
  renameTemplate,
  requireAssignment,
  requireTemplate,
} from '../../../../shared/actions/templates/index.ts';
import { keepBy } from '../../../../shared/base/filters.ts';
import { pageOf } from '../../../../shared/contract/http/index.ts';
import { operationAnswer } from '../../../../shared/contract/operations/index.ts';
import {
  previewAnswer,
  previewAssignmentsAnswer,
  previewAssignmentsBody,
  previewBody,
  whyAnswer,
  whyQuery,
} from '../../../../shared/contract/preview/index.ts';
import {
  assignAnswer,
  assignModuleBody,
  assignmentParams,
  assignmentSchema,
  compositionAnswer,
  compositionQuery,
  createTemplateBody,
  renameTemplateBody,
  replaceAssignmentsAnswer,
  replaceAssignmentsBody,
  templateAnswer,
  templateParams,
  templateSchema,
  templatesQuery,
  updateAssignmentAnswer,
  updateAssignmentBody,
} from '../../../../shared/contract/templates/index.ts';
import type { Operation } from '../../../../shared/domain/operations/index.ts';
import { splitModule, templateTests, tracks } from '../../../../shared/domain/templates/index.ts';
import { getComposition, getCompositionFailure } from '../../../../shared/store/compose/index.ts';
import {
  listAssignments,
  listTemplates,
  templatesWith,
} from '../../../../shared/store/templates/index.ts';
import { requestedMetadata } from '../../merge-patch.ts';
import { storePage } from '../../paging.ts';
import { create, type Route, route } from '../../route.ts';

export const templateRoutes: Route[] = [
  route({
    method: 'get',
    path: '/templates',
    role: 'viewer',
    tag: 'templates',
    summary: 'List the templates, oldest first',
    query: templatesQuery,
    answer: pageOf('templates', templateSchema),
    async handle({ services, caller: { account }, query }) {
      const having = await templatesHaving(services, account, query.module);
      const { items, next_cursor } = await storePage(
        query,
        (limit, after) => listTemplates(services.db, account, limit, after),
        (template) => template.id,
        keepBy(templateTests(having), query),
      );
      return { templates: items, next_cursor };
    },
  }),
  create({
    path: '/templates',
    role: 'operator',
    tag: 'templates',
    summary: 'Create a template',
    status: 201,
    body: createTemplateBody,
    answer: z.object({ template: templateSchema }),
    handle: ({ services, caller, body }) => createTemplate(services, caller, body),
    view: (template) => ({ template }),
  }),
  route({
    method: 'get',
    path: '/templates/{id}',
    role: 'viewer',
    tag: 'templates',
    summary: 'Get a template with its assignments and current compositions',
    params: templateParams,
    answer: templateAnswer,
    async handle({ services, caller: { account }, params: { id } }) {
      const { db } = services;
      const [template, assignments, modules, compositions, failures] = await Promise.all([
        requireTemplate(services, account, id),
        listAssignments(db, account, id),
        readTemplateModules(services, account, id),
        Promise.all(tracks.map((track) => getComposition(db, account, id, track))),
        Promise.all(tracks.map((track) => getCompositionFailure(db, account, id, track))),
      ]);

      return {
        template,
        assignments,
        modules,
        compositions: compositions.filter((composition) => composition !== null),
        composition_failures: failures.filter((failure) => failure !== null),
      };
    },
  }),
  route({
    method: 'patch',
    path: '/templates/{id}',
    role: 'operator',
    tag: 'templates',
    summary: 'Rename a template',
    description: 'Its id stays, so machines and assignments do not change.',
    params: templateParams,
    body: renameTemplateBody,
    answer: z.object({ template: templateSchema }),
    async handle({ services, caller, params: { id }, body }) {
      return { template: await renameTemplate(services, caller, { id, ...body }) };
    },
  }),
  route({
    method: 'delete',
    path: '/templates/{id}',
    role: 'operator',
    tag: 'templates',
    summary: 'Delete a template without machines and assignments',
    description: 'Decommissioned machines do not count.',
    status: 204,
    params: templateParams,
    handle: ({ services, caller, params }) => deleteTemplate(services, caller, params.id),
  }),
  route({
    method: 'get',
    path: '/templates/{id}/composition',
    role: 'viewer',
    tag: 'templates',
    summary: 'Get a composition of a template and its report',
    description: 'A list has at most 1,000 rows or 400,000 bytes. `counts` has the full numbers.',
    params: templateParams,
    query: compositionQuery,
    answer: compositionAnswer,
    async handle({ services, caller: { account }, params: { id: template_id }, query }) {
      const [found, modules] = await Promise.all([
        readComposition(services, account, { template_id, ...query }),
        readTemplateModules(services, account, template_id, query.track),
      ]);
      return { ...found, modules };
    },
  }),
  route({
    method: 'get',
    path: '/templates/{id}/composition/why',
    role: 'viewer',
    tag: 'templates',
    summary: 'Explain where the content of a path comes from',
    params: templateParams,
    query: whyQuery,
    answer: whyAnswer,
    handle: ({ services, caller: { account }, params, query }) =>
      explainTemplatePath(services, account, { template_id: params.id, ...query }),
  }),
  route({
    method: 'post',
    path: '/templates/{id}/preview',
    role: 'viewer',
    reads: true,
    tag: 'templates',
    summary: 'Preview what a change would do to machines',
    description: 'Changes nothing. A change that cannot be composed returns its error.',
    params: templateParams,
    body: previewBody,
    answer: previewAnswer,
    handle: ({ services, caller: { account }, params, body }) =>
      previewChange(services, account, { template_id: params.id, ...body }),
  }),
];

const addedAssignments = ({ changes }: Operation) =>
  changes.flatMap((change) => (change.kind === 'assignment_add' ? [change.assignment_id] : []));

export const assignmentRoutes: Route[] = [
  route({
    method: 'get',
    path: '/templates/{id}/assignments',
    role: 'viewer',
    tag: 'assignments',
    summary: 'List the assignments of a template',
    params: templateParams,
    answer: z.object({ assignments: z.array(assignmentSchema) }),
    async handle({ services, caller: { account }, params: { id } }) {
      const [, assignments] = await Promise.all([
        requireTemplate(services, account, id),
        listAssignments(services.db, account, id),
      ]);
      return { assignments };
    },
  }),
  create({
    path: '/templates/{id}/assignments',
    role: 'operator',
    tag: 'assignments',
    summary: 'Assign a module to a template',
    status: 202,
    params: templateParams,
    body: assignModuleBody,
    answer: assignAnswer,
    async handle({ services, caller, params, body }) {
      const { module_name, module = module_name ?? '', ...fields } = body;
      const { account } = caller;
      const change = { kind: 'assignment_add', module, ...fields } as const;
      const effects = await readAssignmentEffects(services, account, {
        template_id: params.id,
        change,
      });

      const withEffects = (operation: Operation) => ({ operation, ...effects });
      const { operation } = await assignModule(keepAs(services, withEffects), caller, {
        template_id: params.id,
        module,
        ...fields,
      });
      return withEffects(operation);
    },
    view: ({ operation, ...effects }, { params, body }) => ({
      operation,
      ...effects,
      assignment: {
        id: addedAssignments(operation)[0] ?? '',
        template_id: params.id,
        module: body.module_name ?? body.module ?? '',
      },
    }),
  }),
  route({
    method: 'put',
    path: '/templates/{id}/assignments',
    role: 'operator',
    tag: 'assignments',
    summary: 'Make the assignments of a template match a list, by one operation',
    description:
      'Assigns, changes and removes what differs. Fields that are left out have their defaults. Where nothing differs, nothing is requested.',
    status: 202,
    params: templateParams,
    body: replaceAssignmentsBody,
    answer: replaceAssignmentsAnswer,
    async handle({ services, caller, params: { id: template_id }, body }) {
      const { account } = caller;
      const changes = await assignmentChangesOf(services, account, { template_id, ...body });
      const effects = await readChangesEffects(services, account, { template_id, changes });
      const operation =
        changes.length === 0 ? null : await requestChanges(services, caller, changes);
      return { operation, ...effects };
    },
  }),
  route({
    method: 'post',
    path: '/templates/{id}/assignments/preview',
    role: 'viewer',
    reads: true,
    tag: 'assignments',
    summary: 'Preview what a list of assignments would do to machines',
    description: 'Changes nothing. Changes that cannot be composed return their error.',
    params: templateParams,
    body: previewAssignmentsBody,
    answer: previewAssignmentsAnswer,
    async handle({ services, caller: { account }, params: { id: template_id }, body }) {
      const { track, assignments } = body;
      const changes = await assignmentChangesOf(services, account, { template_id, assignments });
      const preview = await previewChanges(services, account, { template_id, track, changes });
      return { changes, ...preview };
    },
  }),
  route({
    method: 'patch',
    path: '/system/node_module_assignments/{id}',
    role: 'operator',
    tag: 'assignments',
    summary: 'Change an assignment',
    status: 202,
    params: assignmentParams,
    body: updateAssignmentBody,
    merges: true,
    answer: updateAssignmentAnswer,
    async handle({ services, caller, params: { id }, body, merges }) {
      const present = await requireAssignment(services, caller.account, id);
      const { metadata: _, ...rest } = body;
      const input = { id, ...rest, ...requestedMetadata({ body, merges }, present.metadata) };

      const { from_metadata: __, ...set } = input;
      const effects = await readUpdateEffects(services, caller.account, set);
      return { operation: await updateAssignment(services, caller, input), ...effects };
    },
  }),
  route({
    method: 'delete',
    path: '/system/node_module_assignments/{id}',
    role: 'operator',
    tag: 'assignments',
    summary: 'Remove an assignment',
    status: 202,
    params: assignmentParams,
    answer: operationAnswer,
    async handle({ services, caller, params }) {
      return { operation: await removeAssignment(services, caller, params.id) };
    },
  }),
];

/** Ids of the account's templates that a module is assigned to, written as assignments have it. */
async function templatesHaving(
  { db }: Services,
  own: string,
  module: string | undefined,
): Promise<ReadonlySet<string>> {
  if (module === undefined) return new Set();
  const { account, name } = splitModule(module, own);
  return templatesWith(db, own, `${account}/${name}`);
}
