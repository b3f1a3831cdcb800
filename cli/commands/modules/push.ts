import type { Command } from 'commander';
import { describe, type Flags } from '../../command.ts';
import { openTarget, plainHttpHelp } from '../../input/registry-target.ts';
import { showProgressBar } from '../../output/progress.ts';
import { type ExitCode, print } from '../../run.ts';

interface PushFlags extends Flags {
  plainHttp?: true;
}

/** `gantry module push`: does what `oras push` does with a module.tar. */
export function registerModulePush(module: Command): void {
  const command = module
    .command('push <dist-dir-or-tar> <ref>')
    .description('push a built module.tar to a registry')
    .option('--plain-http', plainHttpHelp);
  describe(command, {
    notes: `
The same module.tar gives the same digest: its creation time is SOURCE_DATE_EPOCH, or the time of the first entry.
The same artifact comes from: oras push <ref> ./dist/module.tar:application/vnd.powernode.module.v1+tar
Gantry uses the credentials of "docker login".`,
    examples: [
      'gantry module push dist ghcr.io/acme/redis:v1.0.0',
      'gantry module sign ghcr.io/acme/redis:v1.0.0 --key cosign.key',
    ],
    action: push,
  });
}

async function push(path: string, ref: string, flags: PushFlags): Promise<ExitCode> {
  const target = await openTarget(ref, flags);
  const { pushModule } = await import('../../push/push-module.ts');

  const bar = await showProgressBar(flags, `pushing ${ref}`);
  const result = await pushModule(target, path, (sent, size) =>
    bar.advanceTo(size === 0 ? 1 : sent / size),
  ).finally(bar.stop);

  const pinned = `${target.reference.host}/${target.reference.repository}@${result.digest}`;
  print(flags.json, { reference: ref, pinned, ...result }, () => `pushed ${ref}\n${pinned}`);
  return 0;
}
