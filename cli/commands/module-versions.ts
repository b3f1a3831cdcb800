import type { Command } from 'commander';
import { connect } from '../api.ts';
import { describe, type Flags } from '../command.ts';
import { type ExitCode, print } from '../run.ts';
import { versionsTable } from '../versions-table.ts';

/** `gantry module versions` */
export function registerModuleVersions(module: Command): void {
  describe(
    module.command('versions <name>').description('list versions, and what was found but is none, with the reason'),
    { example: 'gantry module versions my-redis', action: versions },
  );
}

async function versions(name: string, flags: Flags): Promise<ExitCode> {
  const { client, answers } = await connect();
  const answer = await client.get(answers.versions, `/modules/${encodeURIComponent(name)}/versions`);
  print(flags.json, answer, () => versionsTable(answer));
  return 0;
}
