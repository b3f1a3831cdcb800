import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import {
  addWaitOptions,
  awaitOperation,
  changeRefused,
  type WaitFlags,
} from '../../client/await-operation.ts';
import { describe } from '../../command.ts';
import type { ExitCode } from '../../run.ts';

interface RollbackFlags extends WaitFlags {
  to?: string;
  reason?: string;
  breakGlass?: true;
}

/** `gantry module rollback` */
export function registerModuleRollback(module: Command): void {
  const command = module
    .command('rollback <name>')
    .description('hold the live version and make the previous live version live again')
    .option('--to <version>', 'another version that was live before')
    .option('--reason <text>', 'why, for reviewers and for the event')
    .option('--break-glass', 'apply it immediately and ask reviewers afterwards');
  describe(addWaitOptions(command), {
    examples: [
      'gantry module rollback my-redis',
      'gantry module rollback my-redis --to 0.1.0 --break-glass --reason "0.2.0 loses writes"',
    ],
    no: changeRefused,
    action: rollback,
  });
}

async function rollback(name: string, flags: RollbackFlags): Promise<ExitCode> {
  const api = await connect();
  const path = `/modules/${encodeURIComponent(name)}/rollback`;
  const { to, reason, breakGlass: break_glass } = flags;
  const body = { to, reason, break_glass };
  const { operation } = await api.client.send(api.responses.operation, 'POST', path, body);
  return awaitOperation(api, operation, flags);
}
