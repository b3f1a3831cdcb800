import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { versionsOf } from '../../output/versions.ts';
import { versionsTable } from '../../output/versions-table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry module versions` */
export function registerModuleVersions(module: Command): void {
  describe(
    module
      .command('versions <name>')
      .description('list versions, and what was found but is none, with the reason'),
    { example: 'gantry module versions my-redis', action: versions },
  );
}

async function versions(name: string, flags: Flags): Promise<ExitCode> {
  const answer = await versionsOf(await connect(), name);
  print(flags.json, answer, () => versionsTable(answer));
  return 0;
}
