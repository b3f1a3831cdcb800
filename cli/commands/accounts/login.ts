import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import type { Connection } from '../../client/config.ts';
import { describe, type Flags } from '../../command.ts';
import { readHidden } from '../../input/secret-input.ts';
import { type ExitCode, print } from '../../run.ts';

interface LoginFlags extends Flags {
  name?: string;
  url?: string;
  token?: string;
  invitation?: string;
}

/** `gantry login`: saves the URL of a control plane and a token for it. */
export function register(command: Command): void {
  command
    .option('--name <name>', 'name of the context, for several logins (default: default)')
    .option('--url <url>', 'URL of the control plane')
    .option('--invitation <link>', 'link of an invitation; makes you a member and keeps your token')
    .option(
      '--token <token>',
      'API token, or - to read it from standard input (default: ask for it)',
    );
  describe(command, {
    examples: [
      'gantry login --url https://gantry.example.com',
      'gantry login --name prod --url https://gantry.example.com --token - < token.txt',
      'gantry login --invitation https://gantry.example.com/invitation/acme/mbr_…/…',
    ],
    notes: `Without --token, it asks for the token and hides what you type. Other users of the machine can
read a token that stands on a command line.`,
    action: login,
  });
}

async function login(flags: LoginFlags): Promise<ExitCode> {
  const [{ makeClient }, { responses }, config] = await Promise.all([
    import('../../client/client.ts'),
    import('../../client/response-schemas.ts'),
    import('../../client/config.ts'),
  ]);

  const context = checkName(flags.name ?? config.defaultContext);
  const connection = await connectionOf(flags);
  const { account } = await makeClient(connection).get(responses.account, '/accounts/current');
  const saved = config.addContext(await config.readContexts(), {
    name: context,
    account: account.slug,
    ...connection,
  });
  const file = await config.saveContexts(saved);
  const { url } = connection;

  print(
    flags.json,
    { url, account, context, file },
    () =>
      `logged in to ${account.slug} at ${url}\ntoken saved in ${file}, as the context ${context}`,
  );

  return 0;
}

function checkName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) return name;
  throw new GantryError(
    'usage',
    `expected --name of up to 63 letters, digits, ".", "_" and "-", found "${name}"`,
  );
}

async function connectionOf({ url: given, token, invitation }: LoginFlags): Promise<Connection> {
  if (invitation !== undefined) return joinBy(invitation);
  if (given === undefined)
    throw new GantryError('usage', 'expected --url <url> or --invitation <link>, found neither');

  const url = given.replace(/\/+$/, '');
  if (!URL.canParse(url))
    throw new GantryError('usage', `expected a URL, found "${given}"`, { field: 'url' });
  return { url, token: await readToken(token) };
}

/** Follows an invitation. The server gives a token, once. */
async function joinBy(link: string): Promise<Connection> {
  const found = /^(https?:\/\/.+)\/invitation\/([^/]+)\/([^/]+)\/([^/?#]+)$/.exec(link.trim());
  if (found === null)
    throw new GantryError('usage', 'expected --invitation <link> as it was mailed, found another');

  const [, url = '', account, member_id, secret] = found;
  const [{ makeClient }, { responses }] = await Promise.all([
    import('../../client/client.ts'),
    import('../../client/response-schemas.ts'),
  ]);

  const client = makeClient({ url, token: '' });
  const body = { account, member_id, secret };
  const joined = await client.send(responses.joined, 'POST', '/invitations/accept', body);
  return { url, token: joined.secret };
}

async function readToken(given: string | undefined): Promise<string> {
  return given !== undefined && given !== '-' ? given : readHidden('API token', given === '-');
}
