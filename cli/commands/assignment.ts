import type { Command } from 'commander';
import { connect, idOf } from '../api.ts';
import { awaitOperation, changeRefused, type WaitFlags, waits } from '../await-operation.ts';
import { describe, metadataOf, several, wholeNumber } from '../command.ts';
import type { ExitCode } from '../run.ts';

interface AssignmentFlags extends WaitFlags {
  constraint?: string;
  set?: string[];
  priority?: number;
}

/** `gantry assignment …` */
export function register(command: Command): void {
  describe(fields(waits(command.command('add <template> <module>').description('assign a module to a template'))), {
    example: 'gantry assignment add web my-redis --constraint "^0.1.0"',
    no: changeRefused,
    action: add,
  });
  describe(fields(waits(command.command('update <id>').description('change an assignment'))), {
    example: 'gantry assignment update asg_01J9Z6W5T1K5R0Q2V9M3N8P7XA --set listen=0.0.0.0',
    no: changeRefused,
    action: update,
  });
  describe(waits(command.command('remove <id>').description('remove an assignment')), {
    example: 'gantry assignment remove asg_01J9Z6W5T1K5R0Q2V9M3N8P7XA',
    no: changeRefused,
    action: remove,
  });
}

function fields(command: Command): Command {
  return command
    .option('--constraint <range>', 'npm-style semver range; any version where left out')
    .option('--set <key=value>', 'metadata, as a whole; several times', several)
    .option('--priority <number>', 'replaces the priority that category and variety give', wholeNumber);
}

function bodyOf({ constraint, set, priority }: AssignmentFlags) {
  return {
    constraint,
    metadata: set === undefined ? undefined : metadataOf(set),
    effective_priority: priority,
  };
}

async function add(template: string, module: string, flags: AssignmentFlags): Promise<ExitCode> {
  const api = await connect();
  const path = `/templates/${encodeURIComponent(await idOf(api, 'templates', template))}/assignments`;
  const body = { module_name: module, ...bodyOf(flags) };
  const { operation, assignment } = await api.client.send(api.answers.assigned, 'POST', path, body);
  return awaitOperation(api, operation, flags, { assignment });
}

async function update(id: string, flags: AssignmentFlags): Promise<ExitCode> {
  const api = await connect();
  const { operation } = await api.client.send(api.answers.operation, 'PATCH', pathOf(id), bodyOf(flags));
  return awaitOperation(api, operation, flags);
}

async function remove(id: string, flags: WaitFlags): Promise<ExitCode> {
  const api = await connect();
  const { operation } = await api.client.send(api.answers.operation, 'DELETE', pathOf(id));
  return awaitOperation(api, operation, flags);
}

function pathOf(id: string): string {
  return `/system/node_module_assignments/${encodeURIComponent(id)}`;
}
