import type { Command } from 'commander';
import type { z } from 'zod';
import { GantryError } from '../../../shared/base/error.ts';
import type { approvalSchema } from '../../../shared/contract/operations/index.ts';
import {
  approvalFilters,
  approvalStates,
  waitText,
} from '../../../shared/domain/operations/index.ts';
import { type Api, connect } from '../../client/api.ts';
import { choiceOption, describe, type Flags } from '../../command.ts';
import { addFilters, type FilterFlags, filterQuery } from '../../input/filters.ts';
import { formatReview, formatVotes } from '../../output/review.ts';
import { colorState, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

type Approval = z.infer<typeof approvalSchema>;

/** `gantry approval …` */
export function register(command: Command): void {
  const id = 'apr_01J9Z6W5T1K5R0Q2V9M3N8P7XA';
  const listing = addFilters(
    command.command('list').description('list approvals, newest first'),
    otherFilters,
  );
  const states = choiceOption('--state <state>', [...approvalStates, 'all'], 'only by state');
  describe(listing.addOption(states.default('pending')), {
    examples: [
      'gantry approval list --action module_promote_to_live',
      'gantry approval list --state all',
    ],
    action: list,
  });

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
        .command(`${decision} <ids...>`)
        .description(`${decision} operations; needs the token of a member with the reviewer role`)
        .option('--comment <text>', 'comment to store with the decision'),
      {
        examples: [`gantry approval ${decision} ${id} --comment "${comment}"`],
        notes: 'Each id is decided by itself: one that fails does not stop the others.',
        no: { 1: 'a decision was refused' },
        action: (ids: string[], flags: Flags & { comment?: string }) =>
          decideAll(ids, decision, flags),
      },
    );
  }
}

/** The state has a value that the API does not need: all. */
const { state: _, ...otherFilters } = approvalFilters;

async function list(flags: Flags & FilterFlags & { state: string }): Promise<ExitCode> {
  const { client, responses } = await connect();
  const state = flags.state === 'all' ? undefined : flags.state;
  const query = { ...filterQuery(otherFilters, flags), state };
  const approvals = await client.all(responses.approvals, 'approvals', '/approvals', query);

  print(flags.json, { approvals }, () =>
    table(
      ['ID', 'STATE', 'VOTES', 'SUMMARY', 'REQUESTED BY', 'EXPIRES', 'WAITS FOR'],
      approvals.map((row) => [
        row.id,
        colorState(row.state),
        `${row.approvals} of ${row.quorum}`,
        row.summary,
        row.requester,
        row.expires_at,
        row.waits_for === null ? null : waitText(row.waits_for),
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

interface Decided {
  approvals: Approval[];
  errors: { id: string; code: string; message: string }[];
}

async function decideAll(
  ids: string[],
  decision: 'approve' | 'reject',
  { json, comment }: Flags & { comment?: string },
): Promise<ExitCode> {
  const api = await connect();
  const decided: Decided = { approvals: [], errors: [] };
  const lines: string[] = [];

  for (const id of new Set(ids)) {
    try {
      const approval = await decide(api, id, { decision, comment });
      decided.approvals.push(approval);
      lines.push(`${approval.summary}: ${colorState(approval.state)} (${formatVotes(approval)})`);
    } catch (error) {
      if (!(error instanceof GantryError)) throw error;
      // The only one is an error like that of any command.
      if (ids.length === 1) throw error;
      const { code, message } = error;
      decided.errors.push({ id, code, message });
      lines.push(`${id}: ${message} (${code})`);
    }
  }

  print(json, decided, () => lines.join('\n'));
  return decided.errors.length === 0 ? 0 : 1;
}

async function decide(
  { client, responses }: Api,
  id: string,
  body: { decision: 'approve' | 'reject'; comment: string | undefined },
): Promise<Approval> {
  const path = `/approvals/${encodeURIComponent(id)}/decide`;
  return (await client.send(responses.approval, 'POST', path, body)).approval;
}
