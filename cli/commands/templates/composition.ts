import type { Command } from 'commander';
import { tracks } from '../../../shared/domain/templates/index.ts';
import { connect, idOf } from '../../client/api.ts';
import { describe, type Flags, oneOf } from '../../command.ts';
import { facts, safe, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry composition …` */
export function register(command: Command): void {
  describe(
    command
      .command('show <template>')
      .description('show what a template is composed of: modules, versions, priorities')
      .addOption(oneOf('--track <track>', tracks, 'machines of which track').default('live')),
    { example: 'gantry composition show web', action: show },
  );
  describe(
    command
      .command('why <template> <path>')
      .description('say why a path has the content that it has')
      .addOption(oneOf('--track <track>', tracks, 'machines of which track').default('live')),
    { example: 'gantry composition why web /etc/motd', no: 'nothing is at the path', action: why },
  );
}

async function show(template: string, flags: Flags & { track: string }): Promise<ExitCode> {
  const api = await connect();
  const url = `/templates/${encodeURIComponent(await idOf(api, 'templates', template))}/composition`;
  const answer = await api.client.get(api.answers.composition, url, { track: flags.track });
  print(flags.json, answer, () => {
    const { composition, report } = answer;
    const head = facts([
      ['digest', composition.digest],
      ['image', `${composition.image_size} bytes`],
      ['made', composition.made_at],
      ['dropped', report.counts.dropped],
      ['shadowed', report.counts.shadowed],
      ['carved out', report.counts.carved_out],
    ]);
    const layers = table(
      ['MODULE', 'VERSION', 'PRIORITY', 'FILES'],
      report.layers
        .toReversed()
        .map(({ name, version, priority, files }) => [name, version, priority, files]),
      'It is composed of no module.',
    );
    const dropped = table(
      ['DROPPED', 'FROM', 'WHICH IS PROTECTED BY'],
      report.dropped.map(({ path, from, because_of }) => [path, from, because_of]),
      'No file is dropped.',
    );
    const left = report.counts.dropped - report.dropped.length;
    const more = left === 0 ? [] : [`… ${left} more are dropped`];
    return [
      head,
      layers,
      dropped,
      ...more,
      ...report.warnings.map((one) => `warning: ${safe(one)}`),
    ].join('\n\n');
  });
  return 0;
}

async function why(
  template: string,
  path: string,
  flags: Flags & { track: string },
): Promise<ExitCode> {
  const api = await connect();
  const query = new URLSearchParams({ path, track: flags.track });
  const url = `/templates/${encodeURIComponent(await idOf(api, 'templates', template))}/composition/why?${query}`;
  const answer = await api.client.get(api.answers.why, url);
  print(flags.json, answer, () => answer.sentences.map(safe).join('\n'));
  return answer.present === null ? 1 : 0;
}
