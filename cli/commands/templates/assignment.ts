import type { Command } from 'commander';
import type { z } from 'zod';
import { GantryError } from '../../../shared/base/error.ts';
import { listNearest } from '../../../shared/base/nearest.ts';
import type { assignmentSchema } from '../../../shared/contract/templates/index.ts';
import { type Api, connect, resolveId } from '../../client/api.ts';
import {
  addWaitOptions,
  awaitOperation,
  changeRefused,
  type WaitFlags,
} from '../../client/await-operation.ts';
import { collect, describe, parseMetadata, parseWholeNumber } from '../../command.ts';
import { addMergeOptions, type MetadataFlags, metadataPatch } from '../../input/merge.ts';
import type { ExitCode } from '../../run.ts';

type AssignmentAnswer = z.infer<typeof assignmentSchema>;

interface AssignmentFlags extends WaitFlags, MetadataFlags {
  /** False for `--no-constraint`, `--no-priority`. */
  constraint?: string | false;
  priority?: number | false;
}

/** `gantry assignment …` */
export function register(command: Command): void {
  describe(
    fields(
      addWaitOptions(
        command.command('add <template> <module>').description('assign a module to a template'),
      ),
    ),
    {
      examples: ['gantry assignment add web my-redis --constraint "^0.1.0"'],
      no: changeRefused,
      action: add,
    },
  );

  const updating = command
    .command('update <template> [module]')
    .usage('[options] <template> <module> | <id>')
    .description('change an assignment')
    .option('--no-constraint', 'accept any version')
    .option('--no-priority', 'use the priority of category and variety');

  describe(addMergeOptions(versionFields(addWaitOptions(updating))), {
    examples: ['gantry assignment update web my-redis --set listen=0.0.0.0 --unset port'],
    notes: 'Metadata keys that the command does not name stay, except with --replace.',
    no: changeRefused,
    action: update,
  });

  const removing = command
    .command('remove <template> [module]')
    .usage('[options] <template> <module> | <id>')
    .description('remove an assignment; the module stays if another one requires it');
  describe(addWaitOptions(removing), {
    examples: ['gantry assignment remove web my-redis'],
    no: changeRefused,
    action: remove,
  });
}

function fields(command: Command): Command {
  return versionFields(command).option('--set <key=value>', 'metadata (repeatable)', collect);
}

function versionFields(command: Command): Command {
  return command
    .option('--constraint <range>', 'npm-style semver range (default: any version)')
    .option(
      '--priority <number>',
      'overrides the priority of category and variety',
      parseWholeNumber,
    );
}

function fieldsOf({ constraint, priority }: AssignmentFlags) {
  return {
    constraint: constraint === false ? null : constraint,
    effective_priority: priority === false ? null : priority,
  };
}

async function add(template: string, module: string, flags: AssignmentFlags): Promise<ExitCode> {
  const api = await connect();
  const path = `/templates/${encodeURIComponent(await resolveId(api, 'templates', template))}/assignments`;
  const metadata = flags.set === undefined ? undefined : parseMetadata(flags.set);
  const body = { module_name: module, ...fieldsOf(flags), metadata };
  const { operation, ...more } = await api.client.send(api.responses.assigned, 'POST', path, body);

  return awaitOperation(api, operation, flags, more);
}

async function update(
  template: string,
  module: string | undefined,
  flags: AssignmentFlags,
): Promise<ExitCode> {
  const set = fieldsOf(flags);
  if ([...Object.values(set), flags.set, flags.unset].every((value) => value === undefined)) {
    throw new GantryError(
      'usage',
      'expected at least one of --constraint, --set, --unset and --priority, found none',
    );
  }

  const api = await connect();
  const { id } = await findAssignment(api, template, module);
  const body = { ...set, metadata: metadataPatch(flags) };
  const send = flags.replace ? api.client.send : api.client.merge;
  const schema = api.responses.updatedAssignment;
  const { operation, ...more } = await send(schema, 'PATCH', assignmentPath(id), body);

  return awaitOperation(api, operation, flags, more);
}

async function remove(
  template: string,
  module: string | undefined,
  flags: WaitFlags,
): Promise<ExitCode> {
  const api = await connect();
  const { operation } = await api.client.send(
    api.responses.operation,
    'DELETE',
    assignmentPath((await findAssignment(api, template, module)).id),
  );

  return awaitOperation(api, operation, flags);
}

function assignmentPath(id: string): string {
  return `/system/node_module_assignments/${encodeURIComponent(id)}`;
}

/** Returns an assignment that is given as template and module, or as one id. */
async function findAssignment(
  api: Api,
  template: string,
  module: string | undefined,
): Promise<AssignmentAnswer> {
  if (module !== undefined) return findByModule(api, template, module);
  if (!template.startsWith('asg_')) {
    throw new GantryError(
      'usage',
      `expected <template> <module> or the id of an assignment, found "${template}"`,
    );
  }

  const templates = await api.client.all(api.responses.templates, 'templates', '/templates');
  for (const { id } of templates) {
    const { assignments } = await api.client.get(api.responses.template, `/templates/${id}`);
    const found = assignments.find((row) => row.id === template);
    if (found !== undefined) return found;
  }

  throw new GantryError(
    'not_found',
    `expected the id of an assignment, found "${template}"; "gantry template show" lists them`,
  );
}

/** A bare name is a module of this account, else of `powernode`. */
async function findByModule(api: Api, template: string, module: string): Promise<AssignmentAnswer> {
  const path = `/templates/${encodeURIComponent(await resolveId(api, 'templates', template))}`;
  const { assignments } = await api.client.get(api.responses.template, path);
  const own = module.includes('/')
    ? null
    : (await api.client.get(api.responses.account, '/accounts/current')).account;
  const names = own === null ? [module] : [`${own.slug}/${module}`, `powernode/${module}`];
  const found = names.flatMap((name) => assignments.find((row) => row.module === name) ?? [])[0];
  if (found !== undefined) return found;

  const known = assignments.map((row) => row.module);
  throw new GantryError(
    'not_found',
    `expected a module that is assigned to ${template}, found "${module}"; it has ${listNearest(module, known)}`,
  );
}
