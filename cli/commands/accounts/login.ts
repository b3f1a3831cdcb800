import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { describe, type Flags } from '../../command.ts';
import { readHidden } from '../../input/secret-input.ts';
import { type ExitCode, print } from '../../run.ts';

interface LoginFlags extends Flags {
  url: string;
  token?: string;
}

/** `gantry login`: keeps where the control plane is and a token for it. */
export function register(command: Command): void {
  command
    .requiredOption('--url <url>', 'the URL of the control plane')
    .option(
      '--token <token>',
      'an API token, or - to read it from standard input (asked for where left out)',
    );
  describe(command, {
    example: 'gantry login --url https://gantry.example.com --token - < token.txt',
    action: login,
  });
}

async function login(flags: LoginFlags): Promise<ExitCode> {
  const url = flags.url.replace(/\/+$/, '');
  if (!URL.canParse(url))
    throw new GantryError('usage', `expected a URL, found "${flags.url}"`, { field: 'url' });
  const connection = { url, token: await tokenOf(flags.token) };
  const [{ makeClient }, { answers }, { keepConnection }] = await Promise.all([
    import('../../client/client.ts'),
    import('../../client/answers.ts'),
    import('../../client/config.ts'),
  ]);
  const { account } = await makeClient(connection).get(answers.account, '/accounts/current');
  const file = await keepConnection(connection);
  print(
    flags.json,
    { url, account, file },
    () => `logged in to ${account.slug} at ${url}; the token is kept in ${file}`,
  );
  return 0;
}

async function tokenOf(given: string | undefined): Promise<string> {
  return given !== undefined && given !== '-' ? given : readHidden('API token', given === '-');
}
