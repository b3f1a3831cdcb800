import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { boot } from '../../../agent/boot/boot.ts';
import { enroll } from '../../../agent/enroll.ts';
import { runLoop, runOnce, type TickOutcome } from '../../../agent/run.ts';
import { type AgentConfig, layouts, ways } from '../../../agent/state.ts';
import type { TickResult } from '../../../agent/tick-result.ts';
import { isGantryError } from '../../../shared/base/error.ts';
import { describe } from '../../command.ts';
import { withSpinner } from '../../output/progress.ts';
import { type ExitCode, print } from '../../run.ts';
import { registerCare } from './agent-care.ts';

/** `gantry agent …`: the commands that run on a machine. */
export function register(agent: Command): void {
  const enrolling = agent
    .command('enroll')
    .description('enrol this machine: create its key, get a credential and pin the account root')
    .requiredOption('--token <token>', 'join token of the instance; works once within 24 hours')
    .requiredOption(
      '--root <dir>',
      'directory of the agent: store, generations, machine-data, current',
    )
    .option(
      '--writable <path...>',
      'paths of the machine, kept outside the generations (default: /var)',
    )
    .addOption(
      new Option(
        '--on-decommission <action>',
        'keep the root file system running, or remove `current` (default: keep)',
      ).choices(['keep', 'stop']),
    )
    .addOption(
      new Option(
        '--way <way>',
        'lay the root out, also run its services, or boot from it (default: directory)',
      ).choices(ways),
    )
    .addOption(
      new Option(
        '--layout <layout>',
        'mount each root from its image, or copy its files; auto mounts where the way asks for it and it works (default: auto)',
      ).choices(layouts),
    );

  describe(enrolling, {
    examples: [
      'gantry agent enroll --token "$TOKEN" --root /srv/gantry',
      'gantry agent enroll --token "$TOKEN" --root /srv/gantry --way services',
    ],
    action: enrollAction,
  });

  const running = agent
    .command('run')
    .description('keep this machine in its desired state: verify, apply, inspect and report')
    .requiredOption('--root <dir>', 'directory given to enroll')
    .option('--once', 'run one tick instead of one every minute')
    .option(
      '--policy <file>',
      'local policy; it can only add demands (default: agent/policy.json in the directory)',
    );

  describe(running, {
    notes: 'With --json, the command prints one JSON document for each tick.',
    examples: ['gantry agent run --once --root /srv/gantry'],
    no: 'refused or stale; the old root file system stays',
    action: runAction,
  });

  registerBoot(agent);
  registerCare(agent);
}

function registerBoot(agent: Command): void {
  const booting = agent
    .command('boot')
    .description('mount the running root file system again after a reboot, before services start')
    .requiredOption('--root <dir>', 'directory given to enroll');

  describe(booting, {
    notes: 'It needs no network. A machine whose roots are copies has nothing to mount.',
    examples: ['gantry agent boot --root /var/lib/gantry'],
    action: bootAction,
  });
}

interface EnrollArguments {
  token: string;
  root: string;
  writable?: string[];
  onDecommission?: AgentConfig['on_decommission'];
  way?: AgentConfig['way'];
  layout?: AgentConfig['layout'];
  json?: boolean;
}

async function enrollAction({
  token,
  root,
  writable,
  onDecommission,
  way,
  layout,
  json,
}: EnrollArguments): Promise<ExitCode> {
  const dir = resolve(root);
  const { config, sealingKey } = await enroll({
    token,
    dir,
    ...(writable === undefined ? {} : { writablePaths: writable }),
    ...(onDecommission === undefined ? {} : { onDecommission }),
    ...(way === undefined ? {} : { way }),
    ...(layout === undefined ? {} : { layout }),
  });

  print(
    json,
    { enrolled: true, ...config, sealing_key: sealingKey, root: dir },
    () =>
      `enrolled as ${config.account}/${config.instance} in ${dir}, in the way ${config.way}\nsealing key: ${sealingKey}`,
  );

  return 0;
}

async function bootAction({ root, json }: { root: string; json?: boolean }): Promise<ExitCode> {
  const booted = await boot({ dir: resolve(root) });
  print(json, booted, () =>
    booted.path === undefined ? 'no generation yet' : `generation ${booted.generation} is ready`,
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
    const result = await withSpinner({ json }, 'reconciling', () => runOnce(options));
    print(json, toJson(result), () => formatResult(result));
    return result.report.status === 'applied' || result.report.status === 'unchanged' ? 0 : 1;
  }

  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  await runLoop(options, stop.signal, (outcome) => printTick(outcome, json));

  return 0;
}

function printTick(outcome: TickOutcome, json: boolean | undefined): void {
  if ('result' in outcome) {
    const { result } = outcome;
    // Print a line when something changed, not every minute.
    if (json === true) process.stdout.write(`${JSON.stringify(toJson(result))}\n`);
    else if (result.report.status !== 'unchanged' || result.report.code !== null)
      process.stdout.write(`${formatResult(result)}\n`);

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

function toJson({ report, generation }: TickResult): Record<string, unknown> {
  return { ...report, generation };
}

function formatResult({ report, generation, versions }: TickResult): string {
  const modules = Object.keys(report.running_module_digests)
    .sort()
    .map((module) => [module, versions?.get(module) ?? []].flat().join(' '));
  // The report leaves out tampered modules, but the new generation has them again.
  const status =
    report.code === 'root_tampered'
      ? 'was laid out again'
      : `runs ${modules.join(', ') || 'no modules'}`;
  const running = generation === 0 ? 'nothing runs' : `generation ${generation} ${status}`;
  const why =
    report.message === null
      ? ''
      : `\n  ${report.code === null ? '' : `${report.code}: `}${report.message}`;

  return `${report.status}: ${running} (desired state ${report.desired_state_version}, ${report.health})${why}`;
}
