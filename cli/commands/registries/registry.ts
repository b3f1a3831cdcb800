import type { Command } from 'commander';
import { registryFilters } from '../../../shared/domain/registries/index.ts';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { addFilters, type FilterFlags, filterQuery } from '../../input/filters.ts';
import { readHidden } from '../../input/secret-input.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

interface LoginFlags extends Flags {
  username: string;
  passwordStdin?: true;
}

/** `gantry registry …` */
export function register(command: Command): void {
  const listing = command
    .command('list')
    .description('list the registries with stored credentials');
  describe(addFilters(listing, registryFilters), {
    examples: ['gantry registry list'],
    action: list,
  });
  describe(
    command
      .command('login <host>')
      .description('store credentials to read modules from a registry')
      .requiredOption('--username <name>', 'user name')
      .option(
        '--password-stdin',
        'read the password or token from standard input (default: ask for it)',
      ),
    {
      examples: ['gantry registry login ghcr.io --username acme --password-stdin < token.txt'],
      action: login,
    },
  );

  describe(command.command('logout <host>').description('remove the credentials of a registry'), {
    examples: ['gantry registry logout ghcr.io'],
    action: logout,
  });
}

async function list(flags: Flags & FilterFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const registries = await client.all(
    responses.registries,
    'registries',
    '/registries',
    filterQuery(registryFilters, flags),
  );

  print(flags.json, { registries }, () =>
    table(
      ['HOST', 'USER', 'STORED', 'BY'],
      registries.map((row) => [row.host, row.username, row.stored_at, row.stored_by]),
      'No credentials stored. Gantry reads all registries anonymously.',
    ),
  );

  return 0;
}

async function login(host: string, flags: LoginFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const password = await readHidden('password or token', flags.passwordStdin === true);
  const body = { username: flags.username, password };

  const response = await client.send(
    responses.registry,
    'PUT',
    `/registries/${encodeURIComponent(host)}`,
    body,
  );

  print(
    flags.json,
    response,
    () =>
      `stored credentials of ${response.registry.username} for ${response.registry.host}; test them with: gantry module poll <name>`,
  );

  return 0;
}

async function logout(host: string, flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  await client.send(responses.nothing, 'DELETE', `/registries/${encodeURIComponent(host)}`);
  print(flags.json, { removed: host }, () => `removed the credentials for ${host}`);
  return 0;
}
