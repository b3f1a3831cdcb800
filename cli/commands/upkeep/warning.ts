import type { Command } from 'commander';
import { sensorNames } from '../../../shared/domain/upkeep/index.ts';
import { connect } from '../../client/api.ts';
import { choiceOption, describe, type Flags } from '../../command.ts';
import { formatWarnings } from '../../output/warnings.ts';
import { type ExitCode, print } from '../../run.ts';

interface ListFlags extends Flags {
  sensor?: string;
  module?: string;
}

/** `gantry warning …` */
export function register(command: Command): void {
  describe(
    command
      .command('list', { isDefault: true })
      .description('list the open warnings: what waits for a person, since when, what to do')
      .addOption(choiceOption('--sensor <sensor>', sensorNames, 'only warnings of this sensor'))
      .option('--module <name>', 'only warnings about this module'),
    {
      examples: ['gantry warning list', 'gantry warning list --sensor module_promotion_sensor'],
      no: 'there are open warnings',
      action: list,
    },
  );
}

async function list({ json, sensor, module }: ListFlags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const warnings = await client.all(responses.warnings, 'warnings', '/warnings', {
    sensor,
    module,
  });

  print(json, { warnings }, () => formatWarnings(warnings) || 'There are no warnings.');
  return warnings.length === 0 ? 0 : 1;
}
