import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { enroll } from '../../../agent/enroll.ts';
import { runLoop, runOnce, type TickOutcome } from '../../../agent/run.ts';
import type { TickResult } from '../../../agent/tick.ts';
import { isGantryError } from '../../../shared/base/error.ts';
import { type ExitCode, print, run } from '../../run.ts';

/** `gantry agent …`: what runs on a machine. */
export function register(agent: Command): void {
  agent
    .command('enroll')
    .description(
      'make this machine a known instance: its own key, a credential bound to it, the account root pinned',
    )
    .requiredOption(
      '--token <token>',
      'join token, as shown once when the instance was made; good once, for 24 hours',
    )
    .requiredOption('--root <dir>', 'directory of the agent: store, images, generations, current')
    .option('--writable <path...>', 'paths that belong to the machine and survive (default: /var)')
    .addOption(
      new Option(
        '--on-decommission <what>',
        'the root keeps running, or `current` is taken away (default: keep)',
      ).choices(['keep', 'stop']),
    )
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  gantry agent enroll --token "$TOKEN" --root /srv/gantry\n\nExit codes: 0 enrolled, 2 refused or an error.',
    )
    .action(run(enrollAction));
  agent
    .command('run')
    .description(
      'reconcile this machine to its desired state: verify, apply, check what is laid out, report',
    )
    .requiredOption('--root <dir>', 'directory given to enroll')
    .option('--once', 'one look instead of one every minute')
    .option(
      '--policy <file>',
      'local policy besides the signed ones; it can only tighten (default: agent/policy.json there)',
    )
    .option('--json', 'print one JSON document a look')
    .addHelpText(
      'after',
      '\nExample:\n  gantry agent run --once --root /srv/gantry\n\nExit codes: 0 applied or unchanged, 1 refused or stale (the old root stays), 2 wrong usage or an error.',
    )
    .action(run(runAction));
}

interface EnrollArguments {
  token: string;
  root: string;
  writable?: string[];
  onDecommission?: 'keep' | 'stop';
  json?: boolean;
}

async function enrollAction({
  token,
  root,
  writable,
  onDecommission,
  json,
}: EnrollArguments): Promise<ExitCode> {
  const dir = resolve(root);
  const config = await enroll({
    token,
    dir,
    ...(writable === undefined ? {} : { writablePaths: writable }),
    ...(onDecommission === undefined ? {} : { onDecommission }),
  });
  print(
    json,
    { enrolled: true, ...config, root: dir },
    () => `enrolled as ${config.account}/${config.instance} in ${dir}`,
  );
  return 0;
}

interface RunArguments {
  root: string;
  once?: boolean;
  policy?: string;
  json?: boolean;
}

async function runAction({ root, once, policy, json }: RunArguments): Promise<ExitCode> {
  const options = {
    dir: resolve(root),
    ...(policy === undefined ? {} : { policyFile: resolve(policy) }),
  };
  if (once === true) {
    const result = await runOnce(options);
    print(json, shown(result), () => sentence(result));
    return result.report.status === 'applied' || result.report.status === 'unchanged' ? 0 : 1;
  }
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  await runLoop(options, stop.signal, (outcome) => tell(outcome, json));
  return 0;
}

function tell(outcome: TickOutcome, json: boolean | undefined): void {
  if ('result' in outcome) {
    const { result } = outcome;
    // A line a change, not a line a minute.
    if (json === true) process.stdout.write(`${JSON.stringify(shown(result))}\n`);
    else if (result.report.status !== 'unchanged' || result.report.code !== null)
      process.stdout.write(`${sentence(result)}\n`);
    return;
  }
  const { error } = outcome;
  const message = error instanceof Error ? error.message : String(error);
  const code = isGantryError(error) ? error.code : 'internal';
  process.stderr.write(
    json === true
      ? `${JSON.stringify({ error: { code, message } })}\n`
      : `gantry: ${message} (${code})\n`,
  );
}

function shown({ report, generation }: TickResult): Record<string, unknown> {
  return { ...report, generation };
}

function sentence({ report, generation }: TickResult): string {
  const modules = Object.keys(report.running_module_digests).sort();
  // The report leaves out modules whose files somebody had changed; what runs by now has them again.
  const does =
    report.code === 'root_tampered'
      ? 'is laid out anew'
      : `runs ${modules.join(', ') || 'no module'}`;
  const running = generation === 0 ? 'nothing runs' : `generation ${generation} ${does}`;
  const why =
    report.message === null
      ? ''
      : `\n  ${report.code === null ? '' : `${report.code}: `}${report.message}`;
  return `${report.status}: ${running} (desired state ${report.desired_state_version}, ${report.health})${why}`;
}
