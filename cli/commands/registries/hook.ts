import type { Command } from 'commander';
import { hookFilters, hookKinds } from '../../../shared/domain/registries/index.ts';
import { connect } from '../../client/api.ts';
import { choiceOption, describe, type Flags } from '../../command.ts';
import { addFilters, type FilterFlags, filterQuery } from '../../input/filters.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

interface CreateFlags extends Flags {
  kind: string;
  host: string;
}

/** `gantry hook …` */
export function register(command: Command): void {
  const listing = command.command('list').description('list webhooks, without their secrets');
  describe(addFilters(listing, hookFilters), {
    examples: ['gantry hook list'],
    action: list,
  });
  describe(
    command
      .command('create')
      .description(
        'create a webhook; enter its URL and its secret, shown only once, in the registry’s settings',
      )
      .addOption(choiceOption('--kind <kind>', hookKinds, 'kind of registry').makeOptionMandatory())
      .requiredOption('--host <host>', 'registry host, as in the repositories of modules'),
    { examples: ['gantry hook create --kind github --host ghcr.io'], action: create },
  );

  describe(command.command('remove <id>').description('remove a webhook immediately'), {
    examples: ['gantry hook remove hook_01J9Z6W5T1K5R0Q2V9M3N8P7XA'],
    action: remove,
  });
}

async function list(flags: Flags & FilterFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const hooks = await client.all(
    responses.hooks,
    'hooks',
    '/hooks',
    filterQuery(hookFilters, flags),
  );

  print(flags.json, { hooks }, () =>
    table(
      ['ID', 'KIND', 'HOST', 'URL'],
      hooks.map((hook) => [hook.id, hook.kind, hook.host, hook.url]),
      'There are no such webhooks. Gantry polls repositories every minute.',
    ),
  );

  return 0;
}

async function create(flags: CreateFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const { kind, host } = flags;
  const response = await client.send(responses.newHook, 'POST', '/hooks', { kind, host });

  print(
    flags.json,
    response,
    () =>
      `created ${response.hook.id}\nURL     ${response.hook.url}\nsecret  ${response.secret}   (shown only once)`,
  );

  return 0;
}

async function remove(id: string, flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  await client.send(responses.nothing, 'DELETE', `/hooks/${encodeURIComponent(id)}`);
  print(flags.json, { removed: id }, () => `removed ${id}`);
  return 0;
}
