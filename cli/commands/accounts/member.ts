import type { Command } from 'commander';
import type { z } from 'zod';
import { memberFilters } from '../../../shared/domain/accounts/index.ts';
import { type Api, connect } from '../../client/api.ts';
import { addEventOptions, type EventFlags, showEvents } from '../../client/events.ts';
import type { responses } from '../../client/response-schemas.ts';
import { collect, describe, type Flags } from '../../command.ts';
import { addYes, type ConfirmFlags, confirm } from '../../input/confirm.ts';
import { addFilters, type FilterFlags, filterQuery } from '../../input/filters.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

const roleHelp = 'viewer, author, operator, reviewer or admin (repeatable)';
const groupHelp = 'group of reviewers that a policy may ask for (repeatable)';
const id = 'mbr_01J9Z6W5T1K5R0Q2V9M3N8P7XA';

interface AddFlags extends Flags {
  name?: string;
  role: string[];
  group?: string[];
  showLink?: true;
}

interface UpdateFlags extends Flags {
  role?: string[];
  /** False with `--no-group`. */
  group?: string[] | false;
  recover?: true;
}

/** `gantry member …` */
export function register(command: Command): void {
  const listing = command.command('list').description('list the members and open invitations');
  describe(addFilters(listing, memberFilters), {
    examples: ['gantry member list', 'gantry member list --role reviewer'],
    action: list,
  });
  describe(
    addShowLink(
      command
        .command('add <email>')
        .description('invite a member by mail')
        .option('--name <name>', 'display name (default: the address)')
        .requiredOption('--role <role>', roleHelp, collect)
        .option('--group <group>', groupHelp, collect),
    ),
    {
      examples: ['gantry member add rita@example.com --name Rita --role reviewer'],
      notes: `The mail has a link that makes the person a member and gives them a token of their own.
Once the account has a reviewer, the role reviewer waits for the approval of one.`,
      action: add,
    },
  );
  describe(
    addShowLink(
      command
        .command('invite <id>')
        .description('send a member another invitation, which voids the one before'),
    ),
    { examples: [`gantry member invite ${id}`], action: invite },
  );
  describe(
    addRecover(
      command
        .command('update <id>')
        .description('change the roles or groups of a member')
        .option('--role <role>', `${roleHelp}; names all of them`, collect)
        .option('--group <group>', `${groupHelp}; names all of them`, collect)
        .option('--no-group', 'take the member out of every group'),
    ),
    {
      examples: [
        `gantry member update ${id} --role operator --role reviewer`,
        `gantry member update ${id} --group security`,
      ],
      notes:
        'What is left out stays. A reviewer who joins a group waits for the approval of another reviewer.',
      action: update,
    },
  );
  describe(
    addYes(
      addRecover(
        command.command('remove <id>').description('remove a member, or cancel an invitation'),
      ),
    ),
    { examples: [`gantry member remove ${id} --yes`], action: remove },
  );
  describe(
    addEventOptions(
      command.command('history <id>').description('list what happened to a member, and who did it'),
    ),
    {
      examples: [`gantry member history ${id}`],
      action: (member: string, flags: EventFlags) =>
        showEvents(flags, async () => `member/${member}`),
    },
  );
}

function addShowLink(command: Command): Command {
  return command.option(
    '--show-link',
    'print the link instead of mailing it; the member then counts as you for approvals',
  );
}

function addRecover(command: Command): Command {
  return command.option(
    '--recover',
    'do it although a policy then lacks reviewers; needs the token of the deployment',
  );
}

async function list(flags: Flags & FilterFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const members = await client.all(
    responses.members,
    'members',
    '/members',
    filterQuery(memberFilters, flags),
  );

  print(flags.json, { members }, () =>
    table(
      ['ID', 'E-MAIL', 'NAME', 'ROLES', 'GROUPS', 'STATE', 'COUNTS AS'],
      members.map(({ id, email, name, roles, groups, state, person }) => [
        id,
        email,
        name,
        roles.join(', ') || null,
        groups.join(', ') || null,
        state.replaceAll('_', ' '),
        person === `member:${id}` ? null : person,
      ]),
      'There are no such members.',
    ),
  );

  return 0;
}

async function add(email: string, flags: AddFlags): Promise<ExitCode> {
  const api = await connect();
  const body = {
    email,
    name: flags.name ?? email,
    roles: flags.role,
    groups: flags.group,
    show_link: flags.showLink,
  };
  const response = await api.client.send(api.responses.invited, 'POST', '/members', body);

  print(flags.json, response, () => inviteText(response));
  return 0;
}

async function invite(member: string, flags: Flags & { showLink?: true }): Promise<ExitCode> {
  const api = await connect();
  const body = { show_link: flags.showLink };
  const response = await api.client.send(
    api.responses.invited,
    'POST',
    `${pathOf(member)}/invitation`,
    body,
  );

  print(flags.json, response, () => inviteText(response));
  return 0;
}

function inviteText({
  member,
  mailed,
  link,
  operation,
}: z.output<typeof responses.invited>): string {
  const { id, email } = member;
  const sent = mailed
    ? `sent an invitation to ${email} (${id})`
    : `added ${email} (${id}), but the mail could not be sent; try \`gantry member invite ${id}\`, or add --show-link`;
  const shown = `${email} (${id}) joins by this link, shown only once. It counts as you for approvals:\n${link}`;
  const waits = `the role reviewer waits for approval: operation ${operation?.id}`;

  return [link === null ? sent : shown, ...(operation === null ? [] : [waits])].join('\n');
}

async function update(
  member: string,
  { role: roles, group, recover, json }: UpdateFlags,
): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.send(responses.updatedMember, 'PATCH', pathOf(member), {
    roles,
    groups: group === false ? [] : group,
    recover,
  });

  const { operation, member: now } = response;
  print(json, response, () =>
    operation === null
      ? `${now.email} has the roles ${now.roles.join(', ')} and the groups ${now.groups.join(', ') || 'none'}`
      : `${operation.summary} waits for approval: operation ${operation.id}`,
  );
  return 0;
}

async function remove(
  member: string,
  flags: Flags & ConfirmFlags & { recover?: true },
): Promise<ExitCode> {
  await confirm(`remove member ${member}`, flags);
  const { client, responses }: Api = await connect();
  const query = flags.recover ? '?recover=true' : '';
  await client.send(responses.nothing, 'DELETE', `${pathOf(member)}${query}`);
  print(flags.json, { removed: member }, () => `removed ${member}`);
  return 0;
}

function pathOf(member: string): string {
  return `/members/${encodeURIComponent(member)}`;
}
