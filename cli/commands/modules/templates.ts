import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { parseModuleName } from '../../client/modules.ts';
import { describe, type Flags } from '../../command.ts';
import { table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry module templates` */
export function registerModuleTemplates(module: Command): void {
  describe(
    module
      .command('templates <name>')
      .description('list the templates and whether each can take the module'),
    { examples: ['gantry module templates my-redis'], action: templates },
  );
}

async function templates(module: string, flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const { name, account } = parseModuleName(module);
  const path = `/modules/${encodeURIComponent(name)}/templates`;
  const rows = await client.all(responses.moduleTemplates, 'templates', path, { account });

  print(flags.json, { templates: rows }, () =>
    table(
      ['TEMPLATE', 'PLATFORM', 'TAKES', 'WOULD GET', 'WHY NOT'],
      rows.map((row) => [
        row.name,
        row.platform,
        row.takes ? 'yes' : 'no',
        row.offers.map(({ track, version }) => `${version} (${track})`).join(', ') || null,
        row.message,
      ]),
      'The account has no templates.',
    ),
  );

  return 0;
}
