import type { Command } from 'commander';
import { connect, idOf } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { driftReasons } from '../../output/drift-reasons.ts';
import { facts, shortDigest, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry drift`: whether a machine runs what it should. */
export function register(command: Command): void {
  describe(command.argument('<instance>', 'id or name'), {
    example: 'gantry drift web-1',
    no: 'the instance has drifted',
    action: drift,
  });
}

async function drift(instance: string, flags: Flags): Promise<ExitCode> {
  const api = await connect();
  const id = await idOf(api, 'instances', instance);
  const report = await api.client.get(
    api.answers.drift,
    `/instances/${encodeURIComponent(id)}/drift`,
  );
  print(flags.json, report, () => {
    const modules = table(
      ['MODULE', 'DESIRED', 'RUNNING', 'DRIFT'],
      report.modules.map(({ module, desired, running }) => [
        module,
        shortDigest(desired),
        shortDigest(running),
        desired === running ? 'no' : 'yes',
      ]),
      'It runs no module and is to run none.',
    );
    const compositions = facts([
      ['desired composition', shortDigest(report.desired_composition)],
      ['running composition', shortDigest(report.running_composition)],
    ]);
    const why = report.message === null ? '' : `: ${report.message}`;
    return `${instance} ${driftReasons[report.reason]}${why}\n\n${compositions}\n\n${modules}`;
  });
  return report.drift ? 1 : 0;
}
