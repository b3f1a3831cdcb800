import type { Command } from 'commander';
import { connect, resolveId } from '../../client/api.ts';
import { describe, type Flags } from '../../command.ts';
import { driftReasons, formatModules, standingCodes } from '../../output/machines.ts';
import { formatFields, shortDigest } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

/** `gantry drift`: compares what a machine runs with its desired state. */
export function register(command: Command): void {
  describe(command.argument('<instance>', 'instance id or name'), {
    examples: ['gantry drift web-1'],
    no: 'the machine has drifted',
    silent: 'the machine is silent',
    action: drift,
  });
}

async function drift(instance: string, flags: Flags): Promise<ExitCode> {
  const api = await connect();
  const id = await resolveId(api, 'instances', instance);
  const report = await api.client.get(
    api.responses.drift,
    `/instances/${encodeURIComponent(id)}/drift`,
  );

  print(flags.json, report, () => {
    const compositions = formatFields([
      ['desired composition', shortDigest(report.desired_composition)],
      ['running composition', shortDigest(report.running_composition)],
    ]);
    const why = report.message === null ? '' : `: ${report.message}`;

    return `${instance} ${driftReasons[report.reason]}${why}\n\n${compositions}\n\n${formatModules(report.modules)}`;
  });

  return standingCodes[report.standing];
}
