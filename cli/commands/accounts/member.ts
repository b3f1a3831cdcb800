import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { collect, describe, type Flags } from '../../command.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry member …` */
export function register(command: Command): void {
  describe(command.command('list').description('list the members of the account'), {
    examples: ['gantry member list'],
    action: list,
  });
  describe(
    command
      .command('add <email>')
      .description('add a member; reviewers get approval mail at the address')
      .option('--name <name>', 'display name (default: the address)')
      .requiredOption(
        '--role <role>',
        'viewer, author, operator, reviewer or admin (repeatable)',
        collect,
      ),
    { examples: ['gantry member add rita@example.com --name Rita --role reviewer'], action: add },
  );

  describe(command.command('remove <id>').description('remove a member and revoke their tokens'), {
    examples: ['gantry member remove mbr_01J9Z6W5T1K5R0Q2V9M3N8P7XA'],
    action: remove,
  });
}

async function list(flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const members = await client.all(responses.members, 'members', '/members');

  print(flags.json, { members }, () =>
    table(
      ['ID', 'E-MAIL', 'NAME', 'ROLES'],
      members.map(({ id, email, name, roles }) => [id, email, name, roles.join(', ')]),
      'The account has no members.',
    ),
  );

  return 0;
}

async function add(
  email: string,
  flags: Flags & { name?: string; role: string[] },
): Promise<ExitCode> {
  const { client, responses } = await connect();
  const body = { email, name: flags.name ?? email, roles: flags.role };
  const response = await client.send(responses.member, 'POST', '/members', body);

  print(flags.json, response, () => `added ${response.member.email} as ${response.member.id}`);
  return 0;
}

async function remove(id: string, flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  await client.send(responses.nothing, 'DELETE', `/members/${encodeURIComponent(id)}`);
  print(flags.json, { removed: id }, () => `removed ${id}`);
  return 0;
}
