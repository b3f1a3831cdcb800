import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { formatPolling } from '../../output/modules.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry module list` */
export function registerModuleList(module: Command): void {
  describe(
    module
      .command('list')
      .description('list the registered modules and their polling status')
      .option('--archived', 'list the archived modules instead of the others'),
    {
      examples: ['gantry module list'],
      action: list,
    },
  );
}

async function list(flags: Flags & { archived?: true }): Promise<ExitCode> {
  const { client, responses } = await connect();
  const modules = await client.all(responses.modules, 'modules', '/modules', {
    archived: flags.archived && 'true',
  });

  print(flags.json, { modules }, () =>
    table(
      ['NAME', 'CATEGORY', 'VARIETY', 'LIVE', 'REPOSITORY', 'POLLING'],
      modules.map((row) => [
        row.name,
        row.category,
        row.variety,
        row.live_version_id === null ? 'no' : 'yes',
        row.repository,
        formatPolling(row.poll),
      ]),
      'The account has no modules.',
    ),
  );

  return 0;
}
