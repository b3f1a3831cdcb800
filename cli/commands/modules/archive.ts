import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import {
  addWaitOptions,
  awaitOperation,
  changeRefused,
  type WaitFlags,
} from '../../client/await-operation.ts';
import { describe, type Flags } from '../../command.ts';
import { addYes, type ConfirmFlags, confirm } from '../../input/confirm.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry module archive`, `unarchive` and `delete` */
export function registerModuleArchive(module: Command): void {
  const archive = module
    .command('archive <name>')
    .description('stop polling a module that no template uses, and hide it from lists');
  describe(addWaitOptions(archive), {
    examples: ['gantry module archive my-redis'],
    notes: 'Its versions and records stay, and its name stays taken.',
    no: changeRefused,
    action: (name: string, flags: WaitFlags) => setArchived(name, true, flags),
  });

  const unarchive = module
    .command('unarchive <name>')
    .description('poll an archived module again, and list it');
  describe(addWaitOptions(unarchive), {
    examples: ['gantry module unarchive my-redis'],
    no: changeRefused,
    action: (name: string, flags: WaitFlags) => setArchived(name, false, flags),
  });

  const remove = module
    .command('delete <name>')
    .description('delete a module that never had a version; its name is free again');
  describe(addYes(remove), {
    examples: ['gantry module delete my-redsi --yes'],
    notes: 'A module with versions is archived instead.',
    no: { 1: 'it is in use' },
    action: deleteModule,
  });
}

async function setArchived(name: string, archived: boolean, flags: WaitFlags): Promise<ExitCode> {
  const api = await connect();
  const path = `/modules/${encodeURIComponent(name)}`;
  const { operation } = await api.client.send(api.responses.operation, 'PATCH', path, { archived });
  return awaitOperation(api, operation, flags);
}

async function deleteModule(name: string, flags: Flags & ConfirmFlags): Promise<ExitCode> {
  await confirm(`delete module ${name}`, flags);
  const { client, responses } = await connect();
  await client.send(responses.nothing, 'DELETE', `/modules/${encodeURIComponent(name)}`);
  print(flags.json, { deleted: name }, () => `deleted ${name}`);
  return 0;
}
