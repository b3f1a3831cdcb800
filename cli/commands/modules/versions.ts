import type { Command } from 'commander';
import { versionFilters } from '../../../shared/domain/modules/index.ts';
import { connect } from '../../client/api.ts';
import { listVersions, parseModuleName } from '../../client/modules.ts';
import { showPublicVersions } from '../../client/public-modules.ts';
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
    examples: [
      'gantry module versions my-redis --state live',
      'gantry module versions powernode/apache',
    ],
    action: versions,
  });
}

async function versions(written: string, flags: Flags & FilterFlags): Promise<ExitCode> {
  const { account, name } = parseModuleName(written);
  if (account !== undefined) return showPublicVersions(flags.json, account, name);

  const filters = filterQuery(versionFilters, flags);
  const response = await listVersions(await connect(), name, filters);
  print(flags.json, response, () => formatVersions(response));
  return 0;
}
