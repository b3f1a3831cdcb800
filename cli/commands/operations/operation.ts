import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import {
  awaitOperation,
  changeRefused,
  outcome,
  type WaitFlags,
} from '../../client/await-operation.ts';
import { describe, type Flags, wholeNumber } from '../../command.ts';
import { facts, state, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry operation …` */
export function register(command: Command): void {
  const id = 'op_01J9Z6W5T1K5R0Q2V9M3N8P7XA';
  describe(command.command('list').description('list operations, newest first'), {
    example: 'gantry operation list',
    action: list,
  });
  describe(command.command('show <id>').description('show an operation and how it goes'), {
    example: `gantry operation show ${id}`,
    action: show,
  });
  describe(
    command
      .command('wait <id>')
      .description('wait until an operation ends or waits for approval')
      .option('--timeout <seconds>', 'how long to wait', wholeNumber, 600),
    { example: `gantry operation wait ${id}`, no: changeRefused, action: wait },
  );
  describe(command.command('withdraw <id>').description('take a request back'), {
    example: `gantry operation withdraw ${id}`,
    action: withdraw,
  });
}

async function list(flags: Flags): Promise<ExitCode> {
  const { client, answers } = await connect();
  const operations = await client.all(answers.operations, 'operations', '/operations');
  print(flags.json, { operations }, () =>
    table(
      ['ID', 'STATE', 'SUMMARY', 'ASKED BY', 'ASKED AT'],
      operations.map((row) => [
        row.id,
        state(row.state),
        row.summary,
        row.requested_by,
        row.created_at,
      ]),
      'Nothing was asked for yet.',
    ),
  );
  return 0;
}

async function show(id: string, flags: Flags): Promise<ExitCode> {
  const { client, answers } = await connect();
  const answer = await client.get(answers.operation, pathOf(id));
  print(flags.json, answer, () => {
    const row = answer.operation;
    return facts([
      ['id', row.id],
      ['summary', row.summary],
      ['state', state(row.state)],
      [
        'why',
        row.message === null ? null : `${row.message}${row.code === null ? '' : ` (${row.code})`}`,
      ],
      ['asked by', row.requested_by],
      ['asked at', row.created_at],
      ['approval', row.approval_id],
      ...row.changes.map((change): [string, string] => ['change', JSON.stringify(change)]),
    ]);
  });
  return 0;
}

async function wait(id: string, flags: WaitFlags): Promise<ExitCode> {
  const api = await connect();
  const { operation } = await api.client.get(api.answers.operation, pathOf(id));
  return awaitOperation(api, operation, flags);
}

async function withdraw(id: string, flags: Flags): Promise<ExitCode> {
  const { client, answers } = await connect();
  const answer = await client.send(answers.operation, 'POST', `${pathOf(id)}/withdraw`);
  print(flags.json, answer, () => outcome(answer.operation));
  return 0;
}

function pathOf(id: string): string {
  return `/operations/${encodeURIComponent(id)}`;
}
