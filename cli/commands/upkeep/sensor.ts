import type { Command } from 'commander';
import { GantryError } from '../../../shared/base/error.ts';
import { connect } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry sensor …` */
export function register(command: Command): void {
  describe(command.command('list').description('list the sensors and when they warn'), {
    examples: ['gantry sensor list'],
    action: list,
  });

  describe(
    command
      .command('set <sensor>')
      .description('set whether a sensor mails the operators of the account')
      .option('--mail', 'mail its warnings')
      .option('--no-mail', 'do not mail its warnings'),
    {
      examples: ['gantry sensor set machine_sensor --no-mail'],
      notes: 'Events and `gantry warning list` have its warnings in any case.',
      action: set,
    },
  );
}

async function list(flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const response = await client.get(responses.sensors, '/sensors');

  print(flags.json, response, () =>
    table(
      ['SENSOR', 'MAILS', 'OPEN', 'WARNS WHEN'],
      response.sensors.map(({ name, mails, open, warns }) => [
        name,
        mails ? 'yes' : 'no',
        open,
        warns,
      ]),
      '',
    ),
  );

  return 0;
}

async function set(name: string, flags: Flags & { mail?: boolean }): Promise<ExitCode> {
  if (flags.mail === undefined)
    throw new GantryError('usage', 'expected --mail or --no-mail, found neither');

  const { client, responses } = await connect();
  const path = `/sensors/${encodeURIComponent(name)}`;
  const response = await client.send(responses.sensor, 'PATCH', path, { mails: flags.mail });

  print(flags.json, response, () =>
    response.sensor.mails ? `${name} mails its warnings.` : `${name} mails nothing.`,
  );
  return 0;
}
