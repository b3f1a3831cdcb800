import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { state, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry approvals …` */
export function register(command: Command): void {
  const id = 'apr_01J9Z6W5T1K5R0Q2V9M3N8P7XA';
  describe(
    command
      .command('list')
      .description('list approval requests, newest first')
      .option(
        '--state <state>',
        'pending, approved, rejected, expired, withdrawn or all',
        'pending',
      ),
    { example: 'gantry approvals list --state all', action: list },
  );
  for (const decision of ['approve', 'reject'] as const) {
    describe(
      command
        .command(`${decision} <id>`)
        .description(`${decision} a request (with a token of a reviewer who is a member)`)
        .option('--comment <text>', 'kept beside the decision'),
      {
        example: `gantry approvals ${decision} ${id} --comment "checked on staging"`,
        action: (approval: string, flags: Flags & { comment?: string }) =>
          decide(approval, decision, flags),
      },
    );
  }
}

async function list(flags: Flags & { state: string }): Promise<ExitCode> {
  const { client, answers } = await connect();
  const query = { state: flags.state === 'all' ? undefined : flags.state };
  const approvals = await client.all(answers.approvals, 'approvals', '/approvals', query);
  print(flags.json, { approvals }, () =>
    table(
      ['ID', 'STATE', 'SUMMARY', 'ASKED BY', 'EXPIRES'],
      approvals.map((row) => [
        row.id,
        state(row.state),
        row.summary,
        row.requested_by,
        row.expires_at,
      ]),
      flags.state === 'pending' ? 'Nothing waits for approval.' : 'There are no such requests.',
    ),
  );
  return 0;
}

async function decide(
  id: string,
  decision: 'approve' | 'reject',
  flags: Flags & { comment?: string },
): Promise<ExitCode> {
  const { client, answers } = await connect();
  const path = `/approvals/${encodeURIComponent(id)}/decide`;
  const answer = await client.send(answers.approval, 'POST', path, {
    decision,
    comment: flags.comment,
  });
  print(flags.json, answer, () => `${answer.approval.summary}: ${state(answer.approval.state)}`);
  return 0;
}
