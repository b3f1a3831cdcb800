import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { formatFields } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry account …` */
export function register(command: Command): void {
  describe(command.command('show').description('show the account that the token belongs to'), {
    examples: ['gantry account show'],
    action: show,
  });
  describe(
    command
      .command('create <slug>')
      .description(
        'create an account and its first admin token; needs the token that the deployment printed',
      )
      .option('--name <name>', 'display name (default: the slug)'),
    { examples: ['gantry account create acme --name "Acme Inc."'], action: create },
  );
}

async function show(flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.get(responses.account, '/accounts/current');
  const { slug, name, root_version, root_sha256, created_at } = response.account;

  print(flags.json, response, () =>
    formatFields([
      ['slug', slug],
      ['name', name],
      ['root', `version ${root_version}, sha256 ${root_sha256}`],
      ['created', created_at],
    ]),
  );

  return 0;
}

async function create(slug: string, flags: Flags & { name?: string }): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.send(responses.newAccount, 'POST', '/accounts', {
    slug,
    name: flags.name ?? slug,
  });

  print(
    flags.json,
    response,
    () =>
      `created account ${response.account.slug}\nadmin token, shown only once:\n${response.token}`,
  );

  return 0;
}
