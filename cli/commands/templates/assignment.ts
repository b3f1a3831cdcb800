import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { type Api, connect, resolveId } from '../../client/api.ts';
import {
  addWaitOptions,
  awaitOperation,
  changeRefused,
  type WaitFlags,
} from '../../client/await-operation.ts';
import { collect, describe, parseMetadata, parseWholeNumber } from '../../command.ts';
import type { ExitCode } from '../../run.ts';

interface AssignmentFlags extends WaitFlags {
  /** False for `--no-constraint`, `--no-priority`. */
  constraint?: string | false;
  set?: string[];
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

  describe(fields(addWaitOptions(updating)), {
    examples: ['gantry assignment update web my-redis --set listen=0.0.0.0'],
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
  return command
    .option('--constraint <range>', 'npm-style semver range (default: any version)')
    .option('--set <key=value>', 'metadata, replaces all keys (repeatable)', collect)
    .option(
      '--priority <number>',
      'overrides the priority of category and variety',
      parseWholeNumber,
    );
}

function bodyOf({ constraint, set, priority }: AssignmentFlags) {
  return {
    constraint: constraint === false ? null : constraint,
    metadata: set === undefined ? undefined : parseMetadata(set),
    effective_priority: priority === false ? null : priority,
  };
}

async function add(template: string, module: string, flags: AssignmentFlags): Promise<ExitCode> {
  const api = await connect();
  const path = `/templates/${encodeURIComponent(await resolveId(api, 'templates', template))}/assignments`;
  const body = { module_name: module, ...bodyOf(flags) };
  const { operation, assignment } = await api.client.send(
    api.responses.assigned,
    'POST',
    path,
    body,
  );

  return awaitOperation(api, operation, flags, { assignment });
}

async function update(
  template: string,
  module: string | undefined,
  flags: AssignmentFlags,
): Promise<ExitCode> {
  const body = bodyOf(flags);
  if (Object.values(body).every((value) => value === undefined)) {
    throw new GantryError(
      'usage',
      'expected at least one of --constraint, --set and --priority, found none',
    );
  }

  const api = await connect();
  const { operation } = await api.client.send(
    api.responses.operation,
    'PATCH',
    await assignmentPath(api, template, module),
    body,
  );

  return awaitOperation(api, operation, flags);
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
    await assignmentPath(api, template, module),
  );

  return awaitOperation(api, operation, flags);
}

/** Returns the API path of an assignment, given as template and module or as one id. */
async function assignmentPath(
  api: Api,
  template: string,
  module: string | undefined,
): Promise<string> {
  const id = module === undefined ? template : await findAssignment(api, template, module);
  if (id.startsWith('asg_')) return `/system/node_module_assignments/${encodeURIComponent(id)}`;

  throw new GantryError(
    'usage',
    `expected <template> <module> or the id of an assignment, found "${id}"`,
  );
}

/**
 * Returns the id of an assignment. A bare name is a module of this account, else of `powernode`.
 */
async function findAssignment(api: Api, template: string, module: string): Promise<string> {
  const path = `/templates/${encodeURIComponent(await resolveId(api, 'templates', template))}`;
  const { assignments } = await api.client.get(api.responses.template, path);
  const own = module.includes('/')
    ? null
    : (await api.client.get(api.responses.account, '/accounts/current')).account;
  const names = own === null ? [module] : [`${own.slug}/${module}`, `powernode/${module}`];
  const found = names.flatMap((name) => assignments.find((row) => row.module === name) ?? [])[0];
  if (found !== undefined) return found.id;

  const known = assignments.map((row) => row.module).join(', ') || 'none';
  throw new GantryError(
    'not_found',
    `expected a module that is assigned to ${template} (${known}), found "${module}"`,
  );
}
