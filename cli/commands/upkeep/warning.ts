import type { Command } from 'commander';
import { warningFilters } from '../../../shared/domain/upkeep/index.ts';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { addFilters, type FilterFlags, filterQuery } from '../../input/filters.ts';
import { formatWarnings } from '../../output/warnings.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry warning …` */
export function register(command: Command): void {
  describe(
    addFilters(
      command
        .command('list', { isDefault: true })
        .description('list the open warnings: what waits for a person, since when, what to do'),
      warningFilters,
    ),
    {
      examples: ['gantry warning list', 'gantry warning list --sensor module_promotion_sensor'],
      no: 'there are open warnings',
      action: list,
    },
  );
}

async function list(flags: Flags & FilterFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const query = filterQuery(warningFilters, flags);
  const warnings = await client.all(responses.warnings, 'warnings', '/warnings', query);

  print(flags.json, { warnings }, () => formatWarnings(warnings) || 'There are no warnings.');
  return warnings.length === 0 ? 0 : 1;
}
