import type { Command } from 'commander';
import { operationFilters, waitText } from '../../../shared/domain/operations/index.ts';
import { type Api, connect } from '../../client/api.ts';
import {
  awaitOperation,
  changeRefused,
  formatOutcome,
  type WaitFlags,
} from '../../client/await-operation.ts';
import { describe, type Flags } from '../../command.ts';
import { addTimeout } from '../../input/duration.ts';
import { addFilters, type FilterFlags, filterQuery } from '../../input/filters.ts';
import { formatDecisions, formatVotes } from '../../output/review.ts';
import { colorState, formatFields, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry operation …` */
export function register(command: Command): void {
  const id = 'op_01J9Z6W5T1K5R0Q2V9M3N8P7XA';
  const listing = command.command('list').description('list operations, newest first');
  describe(addFilters(listing, operationFilters), {
    examples: ['gantry operation list', 'gantry operation list --state awaiting_approval'],
    action: list,
  });
  describe(command.command('show <id>').description('show an operation and its status'), {
    examples: [`gantry operation show ${id}`],
    action: show,
  });

  const waiting = command
    .command('wait <id>')
    .description('wait until an operation ends, also while it needs approval');
  describe(addTimeout(waiting, 600), {
    examples: [`gantry operation wait ${id}`, `gantry operation wait ${id.replace('op', 'apr')}`],
    notes: 'The id of an approval waits for the operation that it decides.',
    no: changeRefused,
    action: wait,
  });

  describe(
    command
      .command('withdraw <id>')
      .description('withdraw an operation that you requested, or any as an admin'),
    {
      examples: [`gantry operation withdraw ${id}`],
      action: withdraw,
    },
  );
}

async function list(flags: Flags & FilterFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const operations = await client.all(
    responses.operations,
    'operations',
    '/operations',
    filterQuery(operationFilters, flags),
  );

  print(flags.json, { operations }, () =>
    table(
      ['ID', 'STATE', 'SUMMARY', 'REQUESTED BY', 'REQUESTED AT'],
      operations.map((row) => [
        row.id,
        colorState(row.state),
        row.summary,
        row.requester,
        row.created_at,
      ]),
      'There are no such operations.',
    ),
  );

  return 0;
}

async function show(id: string, flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const { operation: row, approval } = await client.get(responses.shownOperation, pathOf(id));

  print(flags.json, { operation: row, approval }, () =>
    formatFields([
      ['id', row.id],
      ['summary', row.summary],
      ['state', colorState(row.state)],
      [
        'reason',
        row.message === null ? null : `${row.message}${row.code === null ? '' : ` (${row.code})`}`,
      ],
      ['requested by', row.requester],
      ['requested at', row.created_at],
      ['approval', approval === null ? null : `${approval.id}, ${formatVotes(approval)}`],
      ...(approval === null ? [] : formatDecisions(approval)).map((line): [string, string] => [
        'decision',
        line,
      ]),
      ['waits for', approval?.waits_for == null ? null : waitText(approval.waits_for)],
      ...row.changes.map((change): [string, string] => ['change', formatChange(change)]),
    ]),
  );

  return 0;
}

async function wait(id: string, flags: WaitFlags): Promise<ExitCode> {
  const api = await connect();
  const { operation } = await api.client.get(
    api.responses.operation,
    pathOf(await operationIdOf(api, id)),
  );
  return awaitOperation(api, operation, { ...flags, wait: true });
}

/** The id of an operation, also of the one that an approval decides. */
async function operationIdOf({ client, responses }: Api, id: string): Promise<string> {
  if (!id.startsWith('apr_')) return id;
  const path = `/approvals/${encodeURIComponent(id)}`;
  return (await client.get(responses.shownApproval, path)).approval.operation_id;
}

async function withdraw(id: string, flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.send(responses.operation, 'POST', `${pathOf(id)}/withdraw`);
  print(flags.json, response, () => formatOutcome(response.operation));
  return 0;
}

function pathOf(id: string): string {
  return `/operations/${encodeURIComponent(id)}`;
}

/** A change as its kind and fields: what has an old value is compared by `approval show`. */
function formatChange({ kind, ...fields }: { kind: string }): string {
  const set = Object.entries(fields).map(([name, value]) => `${name}=${plain(value)}`);
  return [kind, ...set].join(', ');
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
