import type { Command } from 'commander';
import { versionFilters } from '../../../shared/domain/modules/index.ts';
import { connect } from '../../client/api.ts';
import { listVersions } from '../../client/modules.ts';
import { describe, type Flags } from '../../command.ts';
import { addFilters, type FilterFlags, filterQuery } from '../../input/filters.ts';
import { formatVersions } from '../../output/modules.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry module versions` */
export function registerModuleVersions(module: Command): void {
  const command = module
    .command('versions <name>')
    .description('list versions, and candidates with the reason why they are not versions');
  describe(addFilters(command, versionFilters), {
    examples: ['gantry module versions my-redis', 'gantry module versions my-redis --state live'],
    action: versions,
  });
}

async function versions(name: string, flags: Flags & FilterFlags): Promise<ExitCode> {
  const filters = filterQuery(versionFilters, flags);
  const response = await listVersions(await connect(), name, filters);
  print(flags.json, response, () => formatVersions(response));
  return 0;
}
