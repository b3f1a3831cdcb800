import type { Command } from 'commander';
import { tracks } from '../../../shared/domain/templates/index.ts';
import { connect, resolveId } from '../../client/api.ts';
import { choiceOption, describe, type Flags } from '../../command.ts';
import { formatFields, safe, table } from '../../output/table.ts';
import { moduleNote } from '../../output/template-modules.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry composition …` */
export function register(command: Command): void {
  describe(
    command
      .command('show <template>')
      .description('show the modules, versions and priorities of a composition')
      .addOption(
        choiceOption('--track <track>', tracks, 'track of the composition').default('live'),
      ),
    { examples: ['gantry composition show web'], action: show },
  );
  describe(
    command
      .command('why <template> <path>')
      .description('explain where the content of a path comes from')
      .addOption(
        choiceOption('--track <track>', tracks, 'track of the composition').default('live'),
      ),
    {
      examples: ['gantry composition why web /etc/motd'],
      no: 'the path does not exist',
      action: why,
    },
  );
}

async function show(template: string, flags: Flags & { track: string }): Promise<ExitCode> {
  const api = await connect();
  const url = `/templates/${encodeURIComponent(await resolveId(api, 'templates', template))}/composition`;
  const response = await api.client.get(api.responses.composition, url, { track: flags.track });

  print(flags.json, response, () => {
    const { composition, report, modules } = response;
    const notes = new Map(modules.map((row) => [row.module, moduleNote(row)]));
    const head = formatFields([
      ['digest', composition.digest],
      ['image', `${composition.image_size} bytes`],
      ['composed', composition.made_at],
      ['dropped', report.counts.dropped],
      ['shadowed', report.counts.shadowed],
      ['carved out', report.counts.carved_out],
    ]);

    const layers = table(
      ['MODULE', 'VERSION', 'PRIORITY', 'FILES', 'NOTE'],
      report.layers
        .toReversed()
        .map(({ name, version, priority, files }) => [
          name,
          version,
          priority,
          files,
          notes.get(name) || null,
        ]),
      'The composition has no modules.',
    );

    const services = response.services.map(({ unit, managed, user, module }) => [
      unit,
      managed,
      user ?? 'root',
      module,
    ]);
    const { dropped, shadowed, carved_out, counts } = report;
    const lost = dropped.map(({ path, from, because_of }) => ({ path, from, by: because_of }));
    const decided = [
      ...formatDecided('DROPPED', 'PROTECTED BY', lost, counts.dropped),
      ...formatDecided('SHADOWED', 'BY', shadowed, counts.shadowed),
      ...formatDecided('CARVED OUT', 'FOR', carved_out, counts.carved_out),
    ];

    return [
      head,
      layers,
      ...(services.length === 0
        ? []
        : [table(['SERVICE', 'MANAGED', 'USER', 'MODULE'], services, '')]),
      ...response.privileges.map(
        ({ module, kind, sentence }) => `${kind} of ${module}: ${safe(sentence)}`,
      ),
      ...decided,
      ...report.warnings.map((one) => `warning: ${safe(one)}`),
    ].join('\n\n');
  });

  return 0;
}

interface Decided {
  path: string;
  from: string;
  by: string;
}

/** Formats the paths that a layer lost or may have; none if there are none. */
function formatDecided(
  heading: string,
  by: string,
  rows: readonly Decided[],
  count: number,
): string[] {
  if (count === 0) return [];
  const shown = rows.map((row) => [row.path, row.from, row.by]);
  const more = count - rows.length;
  return [table([heading, 'FROM', by], shown, ''), ...(more === 0 ? [] : [`… ${more} more`])];
}

async function why(
  template: string,
  path: string,
  flags: Flags & { track: string },
): Promise<ExitCode> {
  const api = await connect();
  const query = new URLSearchParams({ path, track: flags.track });
  const url = `/templates/${encodeURIComponent(await resolveId(api, 'templates', template))}/composition/why?${query}`;
  const response = await api.client.get(api.responses.why, url);

  print(flags.json, response, () => response.sentences.map(safe).join('\n'));
  return response.present === null ? 1 : 0;
}
