import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { facts } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry account …` */
export function register(command: Command): void {
  describe(command.command('show').description('show the account of the token'), {
    example: 'gantry account show',
    action: show,
  });
  describe(
    command
      .command('create <slug>')
      .description(
        'make an account and its first admin token (only with the token that npm start or npm run deploy printed)',
      )
      .option('--name <name>', 'what people call it; the slug where left out'),
    { example: 'gantry account create acme --name "Acme Inc."', action: create },
  );
}

async function show(flags: Flags): Promise<ExitCode> {
  const { client, answers } = await connect();
  const answer = await client.get(answers.account, '/accounts/current');
  const { slug, name, root_version, root_sha256, created_at } = answer.account;
  print(flags.json, answer, () =>
    facts([
      ['slug', slug],
      ['name', name],
      ['root', `version ${root_version}, sha256 ${root_sha256}`],
      ['created', created_at],
    ]),
  );
  return 0;
}

async function create(slug: string, flags: Flags & { name?: string }): Promise<ExitCode> {
  const { client, answers } = await connect();
  const answer = await client.send(answers.newAccount, 'POST', '/accounts', {
    slug,
    name: flags.name ?? slug,
  });
  print(
    flags.json,
    answer,
    () =>
      `made account ${answer.account.slug}; its first admin token, shown once:\n${answer.token}`,
  );
  return 0;
}
