import type { Command } from 'commander';
import type { Target } from '../../input/registry-target.ts';
import { openTarget } from '../../input/registry-target.ts';
import { type ExitCode, print, run } from '../../run.ts';

interface PushFlags {
  plainHttp?: true;
  json?: true;
}

/** `gantry module push`: what `oras push` does with a module's tar. */
export function registerModulePush(module: Command): void {
  module
    .command('push <dist-dir-or-tar> <ref>')
    .description('push a built module.tar to a registry')
    .option('--plain-http', 'speak http to the registry (loopback hosts are anyway)')
    .option('--json', 'print the digest and sizes as JSON')
    .addHelpText(
      'after',
      `
Same module.tar, same digest: the creation time is SOURCE_DATE_EPOCH, else the time of the tar's first entry.
The same artifact comes from: oras push <ref> ./dist/module.tar:application/vnd.powernode.module.v1+tar
Credentials are those of "docker login".

Example:
  gantry module push dist ghcr.io/acme/redis:v1.0.0 && gantry module sign ghcr.io/acme/redis:v1.0.0 --key cosign.key

Exit codes: 0 pushed, 2 wrong usage or an error.`,
    )
    .action(run(push));
}

async function push(path: string, ref: string, flags: PushFlags): Promise<ExitCode> {
  const target = await openTarget(ref, flags);
  const { pushModule } = await import('../../push/push-module.ts');
  const bar = process.stderr.isTTY && !flags.json ? await progressBar(target) : null;
  try {
    const result = await pushModule(target, path, (sent, size) => bar?.update(sent, size));
    print(
      flags.json,
      { reference: ref, ...result },
      () => `pushed ${ref}\ndigest ${result.digest}`,
    );
  } finally {
    bar?.stop();
  }
  return 0;
}

async function progressBar({ reference }: Target) {
  const { default: progress } = await import('cli-progress');
  const format = `${reference.repository} {bar} {percentage}% {value}/{total} bytes`;
  const bar = new progress.SingleBar(
    { format, stream: process.stderr, hideCursor: true },
    progress.Presets.shades_classic,
  );
  bar.start(1, 0);
  return {
    update: (sent: number, size: number) => {
      bar.setTotal(Math.max(size, 1));
      bar.update(size === 0 ? 1 : sent);
    },
    stop: () => bar.stop(),
  };
}
