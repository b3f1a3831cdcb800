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

/** `gantry module reserve` */
export function registerModuleReserve(module: Command): void {
  const command = module
    .command('reserve <name> <pattern...>')
    .description(
      'grant reservations: patterns of protected_spec that protect paths the module does not ship',
    )
    .option('--revoke', 'revoke these reservations instead');
  describe(addWaitOptions(command), {
    examples: ["gantry module reserve my-redis '/var/lib/redis/**'"],
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
  const { operation } = await api.client.send(api.responses.operation, 'PATCH', path, body);

  return awaitOperation(api, operation, flags);
}
