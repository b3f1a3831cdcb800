import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { collect, describe, type Flags } from '../../command.ts';
import { colorState, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

interface CreateFlags extends Flags {
  role: string[];
  member?: string;
  expires?: string;
}

/** `gantry token …` */
export function register(command: Command): void {
  describe(command.command('list').description('list API tokens, without their secrets'), {
    examples: ['gantry token list'],
    action: list,
  });
  describe(
    command
      .command('create <name>')
      .description('create an API token; its secret is shown only once')
      .requiredOption(
        '--role <role>',
        'viewer, author, operator, reviewer or admin (repeatable)',
        collect,
      )
      .option('--member <id>', 'member that the token acts for')
      .option('--expires <time>', 'expiry time, ISO 8601, UTC'),
    {
      examples: ['gantry token create ci --role author --expires 2027-01-01T00:00:00Z'],
      action: create,
    },
  );

  describe(command.command('revoke <id>').description('revoke a token immediately'), {
    examples: ['gantry token revoke tok_01J9Z6W5T1K5R0Q2V9M3N8P7XA'],
    action: revoke,
  });
}

async function list(flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const tokens = await client.all(responses.tokens, 'tokens', '/tokens');

  print(flags.json, { tokens }, () =>
    table(
      ['ID', 'NAME', 'ROLES', 'MEMBER', 'EXPIRES'],
      tokens.map((token) => {
        const expires = token.revoked_at === null ? token.expires_at : colorState('revoked');
        return [token.id, token.name, token.roles.join(', '), token.member_id, expires];
      }),
      'The account has no tokens.',
    ),
  );

  return 0;
}

async function create(name: string, flags: CreateFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.send(responses.newToken, 'POST', '/tokens', {
    name,
    roles: flags.role,
    member_id: flags.member,
    expires_at: flags.expires,
  });

  print(
    flags.json,
    response,
    () => `created token ${response.token.id}\nsecret, shown only once:\n${response.secret}`,
  );

  return 0;
}

async function revoke(id: string, flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  await client.send(responses.nothing, 'DELETE', `/tokens/${encodeURIComponent(id)}`);
  print(flags.json, { revoked: id }, () => `revoked ${id}`);
  return 0;
}
