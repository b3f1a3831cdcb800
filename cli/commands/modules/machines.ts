import type { Command } from 'commander';
import { connect } from '../../client/api.ts';
import { parseModuleName } from '../../client/modules.ts';
import { describe, type Flags } from '../../command.ts';
import { formatEqualVersions } from '../../output/machines.ts';
import { shortDigest, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry module machines` */
export function registerModuleMachines(module: Command): void {
  describe(
    module
      .command('machines <module>')
      .description(
        'list the machines that report a module (<name>) or a version (<name>@<version>)',
      ),
    { examples: ['gantry module machines my-redis@0.1.0'], action: machines },
  );
}

async function machines(written: string, flags: Flags): Promise<ExitCode> {
  const { client, responses } = await connect();
  const at = written.lastIndexOf('@');
  const [module, version] =
    at < 1 ? [written, undefined] : [written.slice(0, at), written.slice(at + 1)];
  const { name, account } = parseModuleName(module);
  const path = `/modules/${encodeURIComponent(name)}/machines`;
  const rows = await client.all(responses.machines, 'machines', path, { account, version });

  rows.sort((a, b) => (a.name < b.name ? -1 : 1));
  print(flags.json, { machines: rows }, () =>
    table(
      ['MACHINE', 'VERSION', 'RUNNING', 'STANDING', 'CLUSTERS', 'HEALTH', 'REPORTED'],
      rows.map((row) => [
        row.name,
        formatEqualVersions(row.versions),
        shortDigest(row.running),
        row.standing,
        row.clusters.join(', ') || null,
        row.health,
        row.reported_at,
      ]),
      `No machine reports that it runs ${written}.`,
    ),
  );

  return 0;
}
