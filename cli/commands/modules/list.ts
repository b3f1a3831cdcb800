import type { Command } from 'commander';
import { moduleFilters } from '../../../shared/domain/modules/index.ts';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { addFilters, type FilterFlags, filterQuery } from '../../input/filters.ts';
import { formatPolling } from '../../output/modules.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry module list` */
export function registerModuleList(module: Command): void {
  describe(
    addFilters(
      module.command('list').description('list the registered modules and their polling status'),
      moduleFilters,
    ),
    {
      examples: ['gantry module list', "gantry module list --name 'my-*' --variety config"],
      action: list,
    },
  );
}

async function list(flags: Flags & FilterFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const modules = await client.all(
    responses.modules,
    'modules',
    '/modules',
    filterQuery(moduleFilters, flags),
  );

  print(flags.json, { modules }, () =>
    table(
      ['NAME', 'CATEGORY', 'VARIETY', 'LIVE', 'REPOSITORY', 'POLLING', 'WARNINGS'],
      modules.map((row) => [
        row.name,
        row.category,
        row.variety,
        row.live_version_id === null ? 'no' : 'yes',
        row.repository,
        formatPolling(row.poll),
        row.warnings.length || null,
      ]),
      'There are no such modules.',
    ),
  );

  return 0;
}
