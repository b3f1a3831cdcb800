import type { Command } from 'commander';
import { hookKinds } from '../../../shared/domain/registries/index.ts';
import { connect } from '../../client/api.ts';
import { describe, type Flags, oneOf } from '../../command.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

interface CreateFlags extends Flags {
  kind: string;
  host: string;
}

/** `gantry hook …` */
export function register(command: Command): void {
  describe(command.command('list').description('list webhooks, without their secrets'), {
    example: 'gantry hook list',
    action: list,
  });
  describe(
    command
      .command('create')
      .description(
        'open a webhook; its URL and its secret, shown once, are for the registry’s settings',
      )
      .addOption(oneOf('--kind <kind>', hookKinds, 'what sends').makeOptionMandatory())
      .requiredOption('--host <host>', 'the registry, as the modules’ repositories name it'),
    { example: 'gantry hook create --kind github --host ghcr.io', action: create },
  );
  describe(command.command('remove <id>').description('close a webhook at once'), {
    example: 'gantry hook remove hook_01J9Z6W5T1K5R0Q2V9M3N8P7XA',
    action: remove,
  });
}

async function list(flags: Flags): Promise<ExitCode> {
  const { client, answers } = await connect();
  const hooks = await client.all(answers.hooks, 'hooks', '/hooks');
  print(flags.json, { hooks }, () =>
    table(
      ['ID', 'KIND', 'HOST', 'URL'],
      hooks.map((hook) => [hook.id, hook.kind, hook.host, hook.url]),
      'The account has no webhooks; repositories are polled once a minute.',
    ),
  );
  return 0;
}

async function create(flags: CreateFlags): Promise<ExitCode> {
  const { client, answers } = await connect();
  const { kind, host } = flags;
  const answer = await client.send(answers.newHook, 'POST', '/hooks', { kind, host });
  print(
    flags.json,
    answer,
    () =>
      `made ${answer.hook.id}\nURL     ${answer.hook.url}\nsecret  ${answer.secret}   (shown once)`,
  );
  return 0;
}

async function remove(id: string, flags: Flags): Promise<ExitCode> {
  const { client, answers } = await connect();
  await client.send(answers.nothing, 'DELETE', `/hooks/${encodeURIComponent(id)}`);
  print(flags.json, { removed: id }, () => `closed ${id}`);
  return 0;
}
