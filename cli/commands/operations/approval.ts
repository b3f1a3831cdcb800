import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { formatReview, formatVotes } from '../../output/review.ts';
import { colorState, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry approval …` */
export function register(command: Command): void {
  const id = 'apr_01J9Z6W5T1K5R0Q2V9M3N8P7XA';
  describe(
    command
      .command('list')
      .description('list approvals, newest first')
      .option(
        '--state <state>',
        'pending, approved, rejected, expired, withdrawn or all',
        'pending',
      ),
    { examples: ['gantry approval list --state all'], action: list },
  );

  describe(
    command
      .command('show <id>')
      .description('show what an approval is about: versions, differences, machines, votes'),
    { examples: [`gantry approval show ${id}`], action: show },
  );

  for (const [decision, comment] of [
    ['approve', 'checked on staging'],
    ['reject', 'fails on staging'],
  ] as const) {
    describe(
      command
        .command(`${decision} <id>`)
        .description(`${decision} an operation; needs the token of a member with the reviewer role`)
        .option('--comment <text>', 'comment to store with the decision'),
      {
        examples: [`gantry approval ${decision} ${id} --comment "${comment}"`],
        action: (approval: string, flags: Flags & { comment?: string }) =>
          decide(approval, decision, flags),
      },
    );
  }
}

async function list(flags: Flags & { state: string }): Promise<ExitCode> {
  const { client, responses } = await connect();
  const query = { state: flags.state === 'all' ? undefined : flags.state };
  const approvals = await client.all(responses.approvals, 'approvals', '/approvals', query);

  print(flags.json, { approvals }, () =>
    table(
      ['ID', 'STATE', 'VOTES', 'SUMMARY', 'REQUESTED BY', 'EXPIRES'],
      approvals.map((row) => [
        row.id,
        colorState(row.state),
        formatVotes(row),
        row.summary,
        row.requested_by,
        row.expires_at,
      ]),
      flags.state === 'pending' ? 'No approvals are pending.' : 'No approvals match.',
    ),
  );

  return 0;
}

async function show(id: string, flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const path = `/approvals/${encodeURIComponent(id)}`;
  const response = await client.get(responses.shownApproval, path);
  print(flags.json, response, () => formatReview(response));
  return 0;
}

async function decide(
  id: string,
  decision: 'approve' | 'reject',
  flags: Flags & { comment?: string },
): Promise<ExitCode> {
  const { client, responses } = await connect();
  const path = `/approvals/${encodeURIComponent(id)}/decide`;
  const response = await client.send(responses.approval, 'POST', path, {
    decision,
    comment: flags.comment,
  });

  print(
    flags.json,
    response,
    () =>
      `${response.approval.summary}: ${colorState(response.approval.state)} (${formatVotes(response.approval)})`,
  );

  return 0;
}
