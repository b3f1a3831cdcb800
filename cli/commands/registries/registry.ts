import type { Command } from 'commander';
import { readCertificates } from '../../../shared/base/certificates.ts';
import { GantryError } from '../../../shared/base/error.ts';
import { canonicalHost, registryFilters } from '../../../shared/domain/registries/index.ts';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { addFilters, type FilterFlags, filterQuery } from '../../input/filters.ts';
import { readOptionFile } from '../../input/option-files.ts';
import { readHidden } from '../../input/secret-input.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

interface LoginFlags extends Flags {
  username?: string;
  passwordStdin?: true;
  caFile?: string;
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
      .description('store credentials to read modules from a registry, or its own authority')
      .option('--username <name>', 'user name')
      .option(
        '--password-stdin',
        'read the password or token from standard input (default: ask for it)',
      )
      .option(
        '--ca-file <file>',
        'certificates (PEM) of the authority that signed that of the registry',
      ),
    {
      notes: 'An authority that is stored stays, unless --ca-file names another one.',
      examples: [
        'gantry registry login ghcr.io --username acme --password-stdin < token.txt',
        'gantry registry login harbor.internal --ca-file authority.pem',
      ],
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
      ['HOST', 'USER', 'AUTHORITY', 'STORED', 'BY'],
      registries.map((row) => [
        row.host,
        row.username,
        row.ca === null ? 'public' : 'own',
        row.stored_at,
        row.stored_by,
      ]),
      'No credentials stored. Gantry reads all registries anonymously.',
    ),
  );

  return 0;
}

async function login(host: string, flags: LoginFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const name = canonicalHost(host) ?? host;
  const path = '/registries';
  const listed = await client.all(responses.registries, 'registries', path, { host: name });
  const body = await readLogin(flags, listed.find((row) => row.host === name) ?? null);

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
      `stored ${formatStored(response.registry)} for ${response.registry.host}; test it with: gantry module poll <name>`,
  );

  return 0;
}

/**
 * Reads what a login stores. It replaces all that is stored, so an authority is sent again.
 * @throws GantryError `usage` where it stores nothing, or would drop credentials
 */
async function readLogin(
  { username, caFile, passwordStdin }: LoginFlags,
  stored: { username: string | null; ca: string | null } | null,
) {
  if (username === undefined && caFile === undefined)
    throw new GantryError('usage', 'expected --username, --ca-file or both, found neither');

  if (username === undefined && stored !== null && stored.username !== null) {
    const message = `expected --username: this replaces the credentials of ${stored.username}, whose password nobody can read`;
    throw new GantryError('usage', message);
  }

  const ca = caFile === undefined ? (stored?.ca ?? undefined) : await readAuthority(caFile);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(username === undefined
      ? {}
      : { username, password: await readHidden('password or token', passwordStdin === true) }),
  };
}

/** A private key in the same file stays on this machine. */
async function readAuthority(file: string): Promise<string> {
  const certificates = readCertificates(await readOptionFile(file, '--ca-file'));
  if (certificates !== null) return certificates;
  throw new GantryError(
    'usage',
    `expected certificates in PEM in ${file}, the file of --ca-file, found another text`,
  );
}

function formatStored({ username, ca }: { username: string | null; ca: string | null }): string {
  const parts = [
    username === null ? null : `credentials of ${username}`,
    ca === null ? null : 'an authority',
  ];
  return parts.filter((part) => part !== null).join(' and ');
}

async function logout(host: string, flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  await client.send(responses.nothing, 'DELETE', `/registries/${encodeURIComponent(host)}`);
  print(flags.json, { removed: host }, () => `removed the credentials for ${host}`);
  return 0;
}
