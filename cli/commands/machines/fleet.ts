import type { Command } from 'commander';
import { type Drifted, type Fleet, mergeFleets } from '../../../shared/domain/machines/index.ts';
import { tracks } from '../../../shared/domain/templates/index.ts';
import { connect, resolveId } from '../../client/api.ts';
import { choiceOption, describe, type Flags } from '../../command.ts';
import {
  driftReasons,
  formatEqualVersions,
  formatWithheld,
  standingCodes,
} from '../../output/machines.ts';
import { shortDigest, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

interface FleetFlags {
  template?: string;
  cluster?: string;
  track?: string;
}

/** `gantry fleet`: counts what all machines run. */
export function register(command: Command): void {
  describe(
    command
      .option('--template <template>', 'only machines of this template (id or name)')
      .option('--cluster <name>', 'only machines of this cluster')
      .addOption(choiceOption('--track <track>', tracks, 'only machines on this track')),
    {
      examples: ['gantry fleet --cluster tokyo'],
      no: 'a machine has drifted',
      silent: 'no machine has drifted, and one is silent',
      action: fleet,
    },
  );
}

async function fleet(flags: Flags & FleetFlags): Promise<ExitCode> {
  const api = await connect();
  const template =
    flags.template === undefined ? undefined : await resolveId(api, 'templates', flags.template);
  const pages: Fleet[] = [];
  let cursor: string | undefined;
  do {
    const query = { template, cluster: flags.cluster, track: flags.track, cursor };
    const page = await api.client.get(api.responses.fleet, '/fleet', query);
    pages.push(page.fleet);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);

  const whole = mergeFleets(pages);
  print(flags.json, { fleet: whole }, () => formatFleet(whole));
  if (whole.drifted > 0) return standingCodes.drifted;
  return whole.silent > 0 ? standingCodes.silent : 0;
}

function formatFleet(fleet: Fleet): string {
  if (fleet.instances === 0) return 'No machines match.';

  const why = (Object.keys(driftReasons) as (keyof typeof driftReasons)[])
    .filter((reason) => reason !== 'none' && fleet.reasons[reason] > 0)
    .map((reason) => `\n  ${fleet.reasons[reason]}: ${driftReasons[reason]}`);
  const groups = table(
    ['GROUP', 'NAME', 'MACHINES', 'DRIFTED', 'PENDING', 'SILENT'],
    [
      ...fleet.templates.map((row) => formatCounts('template', row.name ?? row.template_id, row)),
      ...fleet.clusters.map((row) => formatCounts('cluster', row.cluster, row)),
      ...fleet.tracks.map((row) => formatCounts('track', row.track, row)),
    ],
    '',
  );

  const compositions = table(
    ['COMPOSITION', 'DESIRED', 'RUNNING', 'MISSING'],
    fleet.compositions.map((row) => [
      shortDigest(row.digest),
      row.desired,
      row.running,
      row.desired - row.matching,
    ]),
    'No machine has a desired composition.',
  );

  const modules = table(
    ['MODULE', 'VERSION', 'DIGEST', 'DESIRED', 'RUNNING', 'MISSING', 'WITHHELD'],
    fleet.modules.flatMap(({ module, digests }) =>
      digests.map((row) => [
        module,
        formatEqualVersions(row.versions),
        shortDigest(row.digest),
        row.desired,
        row.running,
        row.desired - row.matching,
        formatWithheld(row.withheld),
      ]),
    ),
    'No modules desired or running.',
  );

  const failures = fleet.templates.flatMap(({ name, template_id, composition_failures }) =>
    composition_failures.map(({ track, code, message, since }) => [
      name ?? template_id,
      track,
      since,
      code,
      message,
    ]),
  );

  const notComposed =
    failures.length === 0
      ? []
      : [table(['NOT COMPOSED', 'TRACK', 'SINCE', 'CODE', 'WHY'], failures, '')];
  const cut = fleet.truncated
    ? ['Machines report more modules or digests than this list shows.']
    : [];
  const head = `${fleet.drifted} of ${fleet.instances} machines drifted, ${fleet.pending} pending, ${fleet.silent} silent${why.join('')}`;

  return [head, ...notComposed, groups, compositions, modules, ...cut].join('\n\n');
}

function formatCounts(
  group: string,
  name: string | null,
  { instances, drifted, pending, silent }: Drifted,
): (string | number | null)[] {
  return [group, name, instances, drifted, pending, silent];
}
