import type { Command } from 'commander';
import { formatSeconds } from '../../../shared/base/time.ts';
import { decisions } from '../../../shared/domain/operations/index.ts';
import { connect } from '../../client/api.ts';
import {
  addWaitOptions,
  awaitOperation,
  changeRefused,
  type WaitFlags,
} from '../../client/await-operation.ts';
import { choiceOption, describe, type Flags, parseWholeNumber } from '../../command.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

interface PolicyFlags extends WaitFlags {
  decision?: string;
  quorum?: number;
  selfApproval?: boolean;
  expiresIn?: number;
}

/** `gantry policy …` */
export function register(command: Command): void {
  describe(command.command('list').description('list the intervention policy of each action'), {
    examples: ['gantry policy list'],
    action: list,
  });
  describe(
    addWaitOptions(
      command
        .command('set <action>')
        .description('change the intervention policy of an action')
        .addOption(choiceOption('--decision <decision>', decisions, 'what the action requires'))
        .option('--quorum <number>', 'number of approvals', parseWholeNumber)
        .option('--self-approval', 'let the requester approve')
        .option('--no-self-approval', 'do not let the requester approve')
        .option(
          '--expires-in <seconds>',
          'time until an undecided approval expires',
          parseWholeNumber,
        ),
    ),
    {
      examples: [
        'gantry policy set module_promote_to_blessed --decision require_approval --quorum 2',
        'gantry policy set module_promote_to_live --quorum 2',
      ],
      notes:
        'Options that are left out keep their value. The change needs what the present policy asks, ' +
        'and an approval if it loosens the policy (policy_loosen).',
      no: changeRefused,
      action: set,
    },
  );
}

async function list(flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.get(responses.policies, '/policies');

  print(flags.json, response, () =>
    table(
      ['ACTION', 'DECISION', 'QUORUM', 'SELF-APPROVAL', 'EXPIRES'],
      response.policies.map((row) => {
        const asks = row.decision === 'require_approval';

        return [
          row.action,
          row.decision,
          asks ? row.quorum : null,
          asks ? (row.self_approval ? 'yes' : 'no') : null,
          asks ? formatSeconds(row.expires_in_s) : null,
        ];
      }),
      'No policies.',
    ),
  );

  return 0;
}

async function set(action: string, flags: PolicyFlags): Promise<ExitCode> {
  const api = await connect();
  const { operation } = await api.client.send(
    api.responses.operation,
    'PATCH',
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
