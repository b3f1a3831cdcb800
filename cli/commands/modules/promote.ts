import type { Command } from 'commander';
import { promotionStates } from '../../../shared/domain/modules/index.ts';
import { connect } from '../../client/api.ts';
import {
  addWaitOptions,
  awaitOperation,
  changeRefused,
  type WaitFlags,
} from '../../client/await-operation.ts';
import { resolveVersionId } from '../../client/modules.ts';
import { choiceOption, describe } from '../../command.ts';
import { addYes, type ConfirmFlags, confirm } from '../../input/confirm.ts';
import type { ExitCode } from '../../run.ts';

/** `gantry module promote` */
export function registerModulePromote(module: Command): void {
  const command = module
    .command('promote <version>')
    .description('promote a version, by id or as <module>@<version>')
    .addOption(choiceOption('--to <state>', promotionStates, 'the new state').makeOptionMandatory())
    .option('--withdraw', 'retire what machines use and no other version can replace');
  describe(addYes(addWaitOptions(command)), {
    examples: [
      'gantry module promote my-redis@0.1.0 --to staging',
      'gantry module promote my-redis@0.1.0 --to live',
      'gantry module promote my-redis@0.1.0 --to retired --withdraw --yes',
    ],
    notes: 'To retire a version asks first, unless --yes is given.',
    no: changeRefused,
    action: promote,
  });
}

async function promote(
  version: string,
  flags: WaitFlags & ConfirmFlags & { to: string; withdraw?: true },
): Promise<ExitCode> {
  if (flags.to === 'retired') await confirm(`retire ${version}`, flags);
  const api = await connect();
  const path = `/versions/${encodeURIComponent(await resolveVersionId(api, version))}/promote`;
  const { operation } = await api.client.send(api.responses.operation, 'POST', path, {
    to: flags.to,
    withdraw: flags.withdraw,
  });

  return awaitOperation(api, operation, flags);
}
