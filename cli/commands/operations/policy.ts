import type { Command } from 'commander';
import { decisions } from '../../../shared/domain/operations/index.ts';
import { connect } from '../../client/api.ts';
import {
  awaitOperation,
  changeRefused,
  type WaitFlags,
  waits,
} from '../../client/await-operation.ts';
import { describe, type Flags, oneOf, wholeNumber } from '../../command.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

interface PolicyFlags extends WaitFlags {
  decision: string;
  quorum?: number;
  selfApproval?: true;
  expiresIn?: number;
}

/** `gantry policy …` */
export function register(command: Command): void {
  describe(command.command('list').description('list what each action asks for'), {
    example: 'gantry policy list',
    action: list,
  });
  describe(
    waits(
      command
        .command('set <action>')
        .description('change what an action asks for')
        .addOption(
          oneOf(
            '--decision <decision>',
            decisions,
            'what the action asks for',
          ).makeOptionMandatory(),
        )
        .option('--quorum <number>', 'approvals needed', wholeNumber)
        .option('--self-approval', 'let the one who asked approve')
        .option('--expires-in <seconds>', 'until an undecided request ends', wholeNumber),
    ),
    {
      example: 'gantry policy set module_promote_to_blessed --decision require_approval --quorum 2',
      no: changeRefused,
      action: set,
    },
  );
}

async function list(flags: Flags): Promise<ExitCode> {
  const { client, answers } = await connect();
  const answer = await client.get(answers.policies, '/policies');
  print(flags.json, answer, () =>
    table(
      ['ACTION', 'DECISION', 'QUORUM', 'SELF-APPROVAL', 'EXPIRES'],
      answer.policies.map((row) => {
        const asks = row.decision === 'require_approval';
        const hours = `${Math.round(row.expires_in_s / 360) / 10} h`;
        return [
          row.action,
          row.decision,
          asks ? row.quorum : null,
          asks ? (row.self_approval ? 'yes' : 'no') : null,
          asks ? hours : null,
        ];
      }),
      'There are no actions.',
    ),
  );
  return 0;
}

async function set(action: string, flags: PolicyFlags): Promise<ExitCode> {
  const api = await connect();
  const { operation } = await api.client.send(
    api.answers.operation,
    'PUT',
    `/policies/${encodeURIComponent(action)}`,
    {
      decision: flags.decision,
      quorum: flags.quorum,
      self_approval: flags.selfApproval,
      expires_in_s: flags.expiresIn,
    },
  );
  return awaitOperation(api, operation, flags);
}
