import type { Command } from 'commander';
import type { z } from 'zod';
import { GantryError } from '../../../shared/base/error.ts';
import type { tokenSchema } from '../../../shared/contract/accounts/index.ts';
import { tokenFilters } from '../../../shared/domain/accounts/index.ts';
import { connect } from '../../client/api.ts';
import { collect, describe, type Flags } from '../../command.ts';
import { addYes, type ConfirmFlags, confirm } from '../../input/confirm.ts';
import { readTime } from '../../input/duration.ts';
import { addFilters, type FilterFlags, filterQuery } from '../../input/filters.ts';
import { colorState, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

interface CreateFlags extends Flags {
  role?: string[];
  mine?: true;
  expires?: string;
}

/** `gantry token …` */
export function register(command: Command): void {
  const listing = command.command('list').description('list API tokens, without their secrets');
  describe(addMine(addFilters(listing, tokenFilters)), {
    examples: ['gantry token list --state valid', 'gantry token list --mine'],
    action: list,
  });
  describe(
    addMine(
      command
        .command('create <name>')
        .description('create an API token; its secret is shown only once')
        .option(
          '--role <role>',
          'viewer, author, operator, admin, or with --mine also reviewer (repeatable; default with --mine: yours)',
          collect,
        )
        .option('--expires <time>', 'when it expires: in 12h, 30d or 2w, or at a time, ISO 8601'),
    ),
    {
      examples: [
        'gantry token create ci --role author --expires 30d',
        'gantry token create laptop --mine',
      ],
      notes: `Without --mine, it is a service token for a program: it needs an admin, counts as you for
approvals, and cannot review.`,
      action: create,
    },
  );

  const revoking = command.command('revoke <id>').description('revoke a token immediately');
  describe(addYes(addMine(revoking)), {
    examples: ['gantry token revoke tok_01J9Z6W5T1K5R0Q2V9M3N8P7XA --yes'],
    action: revoke,
  });
}

type MineFlags = Flags & { mine?: true };

function addMine(command: Command): Command {
  return command.option('--mine', 'your own tokens, which only you make; needs no role');
}

function pathOf({ mine }: MineFlags): string {
  return mine ? '/members/me/tokens' : '/tokens';
}

async function list(flags: MineFlags & FilterFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const tokens = await client.all(
    responses.tokens,
    'tokens',
    pathOf(flags),
    filterQuery(tokenFilters, flags),
  );

  print(flags.json, { tokens }, () =>
    table(
      ['ID', 'NAME', 'ROLES', 'PERSON', 'STATE', 'CREATED', 'LAST USED', 'EXPIRES'],
      tokens.map((token) => [
        token.id,
        token.name,
        formatRoles(token),
        token.member_id ?? token.created_by_person,
        colorState(token.state.replaceAll('_', ' ')),
        token.created_at,
        token.last_used_at,
        token.expires_at,
      ]),
      'There are no such tokens.',
    ),
  );

  return 0;
}

type Token = z.infer<typeof tokenSchema>;

/** The roles in force, and beside them those that the token's member lacks. */
function formatRoles({ roles, granted_roles }: Pick<Token, 'roles' | 'granted_roles'>): string {
  const lost = granted_roles.filter((role) => !roles.includes(role));
  const aside = lost.length === 0 ? '' : ` (without ${lost.join(', ')})`;
  return `${roles.join(', ') || 'none'}${aside}`;
}

async function create(name: string, flags: CreateFlags): Promise<ExitCode> {
  if (!flags.mine && flags.role === undefined)
    throw new GantryError('usage', 'expected --role <role> for a service token, found none');

  const { client, responses } = await connect();
  const response = await client.send(responses.newToken, 'POST', pathOf(flags), {
    name,
    roles: flags.role,
    expires_at: expiryOf(flags),
  });

  print(
    flags.json,
    response,
    () => `created token ${response.token.id}\nsecret, shown only once:\n${response.secret}`,
  );

  return 0;
}

function expiryOf({ expires }: CreateFlags): string | undefined {
  if (expires === undefined) return undefined;
  return readTime(expires, { flag: '--expires', now: new Date(), sign: 1 });
}

async function revoke(id: string, flags: MineFlags & ConfirmFlags): Promise<ExitCode> {
  await confirm(`revoke token ${id}`, flags);
  const { client, responses } = await connect();
  await client.send(responses.nothing, 'DELETE', `${pathOf(flags)}/${encodeURIComponent(id)}`);
  print(flags.json, { revoked: id }, () => `revoked ${id}`);
  return 0;
}
