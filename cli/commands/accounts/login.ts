import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { describe, type Flags } from '../../command.ts';
import { readHidden } from '../../input/secret-input.ts';
import { type ExitCode, print } from '../../run.ts';

interface LoginFlags extends Flags {
  url: string;
  token?: string;
}

/** `gantry login`: saves the URL of a control plane and a token for it. */
export function register(command: Command): void {
  command
    .requiredOption('--url <url>', 'URL of the control plane')
    .option(
      '--token <token>',
      'API token, or - to read it from standard input (default: ask for it)',
    );
  describe(command, {
    examples: ['gantry login --url https://gantry.example.com --token - < token.txt'],
    action: login,
  });
}

async function login(flags: LoginFlags): Promise<ExitCode> {
  const url = flags.url.replace(/\/+$/, '');
  if (!URL.canParse(url))
    throw new GantryError('usage', `expected a URL, found "${flags.url}"`, { field: 'url' });

  const connection = { url, token: await readToken(flags.token) };
  const [{ makeClient }, { responses }, { saveConnection }] = await Promise.all([
    import('../../client/client.ts'),
    import('../../client/response-schemas.ts'),
    import('../../client/config.ts'),
  ]);

  const { account } = await makeClient(connection).get(responses.account, '/accounts/current');
  const file = await saveConnection(connection);

  print(
    flags.json,
    { url, account, file },
    () => `logged in to ${account.slug} at ${url}\ntoken saved in ${file}`,
  );

  return 0;
}

async function readToken(given: string | undefined): Promise<string> {
  return given !== undefined && given !== '-' ? given : readHidden('API token', given === '-');
}
