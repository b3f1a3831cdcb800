import type { Command } from 'commander';
import { connect, idOf } from '../api.ts';
import { describe, type Flags } from '../command.ts';
import { type ExitCode, print } from '../run.ts';
import { safe } from '../table.ts';

/** `gantry composition …` */
export function register(command: Command): void {
  describe(
    command
      .command('why <template> <path>')
      .description('say why a path has the content that it has')
      .option('--track <track>', 'live or staging', 'live'),
    { example: 'gantry composition why web /etc/motd', no: 'nothing is at the path', action: why },
  );
}

async function why(template: string, path: string, flags: Flags & { track: string }): Promise<ExitCode> {
  const api = await connect();
  const query = new URLSearchParams({ path, track: flags.track });
  const url = `/templates/${encodeURIComponent(await idOf(api, 'templates', template))}/composition/why?${query}`;
  const answer = await api.client.get(api.answers.why, url);
  print(flags.json, answer, () => answer.sentences.map(safe).join('\n'));
  return answer.present === null ? 1 : 0;
}
