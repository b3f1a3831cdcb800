import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import {
  awaitOperation,
  changeRefused,
  type WaitFlags,
  waits,
} from '../../client/await-operation.ts';
import { describe } from '../../command.ts';
import type { ExitCode } from '../../run.ts';

/** `gantry module reserve` */
export function registerModuleReserve(module: Command): void {
  const command = module
    .command('reserve <name> <pattern...>')
    .description('let patterns of its protected_spec protect what it does not ship, or no longer')
    .option('--revoke', 'end these reservations');
  describe(waits(command), {
    example: "gantry module reserve my-redis '/var/lib/redis/**'",
    no: changeRefused,
    action: reserve,
  });
}

async function reserve(
  name: string,
  patterns: string[],
  flags: WaitFlags & { revoke?: true },
): Promise<ExitCode> {
  const api = await connect();
  const path = `/modules/${encodeURIComponent(name)}/reservations`;
  const body = flags.revoke ? { revoke: patterns } : { grant: patterns };
  const { operation } = await api.client.send(api.answers.operation, 'PATCH', path, body);
  return awaitOperation(api, operation, flags);
}
