import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import {
  addWaitOptions,
  awaitOperation,
  changeRefused,
  type WaitFlags,
} from '../../client/await-operation.ts';
import { resolveVersionId } from '../../client/modules.ts';
import { describe } from '../../command.ts';
import type { ExitCode } from '../../run.ts';

/** Commands that withhold a version, or lift that again: one request, with a reason. */
const commands = {
  yank: 'withdraw a version: it counts as quarantined until it is unyanked',
  unyank: 'take the withdrawal of a version back',
  quarantine: 'quarantine a version by hand, until it is released',
  release: 'lift the quarantine by hand or the hold of a rollback from a version',
} as const;

type Verb = keyof typeof commands;

/** `gantry module yank`, `unyank`, `quarantine` and `release` */
export function registerModuleWithholdings(module: Command): void {
  for (const [verb, description] of Object.entries(commands)) {
    const command = module
      .command(`${verb} <version>`)
      .description(`${description}; by id or as <module>@<version>`)
      .requiredOption('--reason <text>', 'why, for people and for the event');
    describe(addWaitOptions(command), {
      examples: [`gantry module ${verb} my-redis@0.1.0 --reason "see incident 17"`],
      no: changeRefused,
      action: (version: string, flags: WaitFlags & { reason: string }) =>
        request(verb as Verb, version, flags),
    });
  }
}

async function request(
  verb: Verb,
  version: string,
  flags: WaitFlags & { reason: string },
): Promise<ExitCode> {
  const api = await connect();
  const path = `/versions/${encodeURIComponent(await resolveVersionId(api, version))}/${verb}`;
  const { operation } = await api.client.send(api.responses.operation, 'POST', path, {
    reason: flags.reason,
  });

  return awaitOperation(api, operation, flags);
}
