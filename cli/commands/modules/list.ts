import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { moduleFilters } from '../../../shared/domain/modules/index.ts';
import { connect } from '../../client/api.ts';
import { showPublicModules } from '../../client/public-modules.ts';
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
    )
      .option('--public', 'list the public modules of all accounts instead; takes --name')
      .option('--publisher <account>', 'with --public, only those of an account'),
    {
      examples: [
        'gantry module list',
        'gantry module list --public',
        "gantry module list --name 'my-*' --variety config",
      ],
      action: list,
    },
  );
}

interface ListFlags extends Flags {
  name?: string;
  public?: true;
  publisher?: string;
}

async function list(flags: ListFlags & FilterFlags): Promise<ExitCode> {
  if (flags.public) {
    const { name, publisher } = flags;
    return showPublicModules(flags.json, { name, publisher });
  }
  if (flags.publisher !== undefined)
    throw new GantryError('usage', 'expected --public beside --publisher, found --publisher alone');

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
        row.live_withheld === null
          ? row.live_version
          : `${row.live_version} (${row.live_withheld.kind})`,
        row.repository,
        formatPolling(row.poll),
        row.warnings.length || null,
      ]),
      'There are no such modules.',
    ),
  );

  return 0;
}
