import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Check, examine } from '../../../agent/doctor.ts';
import { type RolledBack, resume, rollBack } from '../../../agent/rollback.ts';
import { type AgentStatus, readStatus } from '../../../agent/status.ts';
import { describe } from '../../command.ts';
import { formatFields, shortDigest, table } from '../../output/table.ts';
import { type ExitCode, print } from '../../run.ts';

const rootOption = ['--root <dir>', 'directory given to enroll'] as const;

/** `gantry agent rollback`, `status` and `doctor`: what a person at the machine needs. */
export function registerCare(agent: Command): void {
  const rollback = agent
    .command('rollback')
    .description(
      'go back to the last good root file system, and stay until the desired state changes',
    )
    .requiredOption(...rootOption)
    .option('--resume', 'end a rollback: the next tick applies the desired state');
  describe(rollback, {
    notes: 'It needs no network. --resume also retries content that failed here.',
    examples: ['gantry agent rollback --root /var/lib/gantry'],
    no: 'a service of the earlier root did not start',
    action: rollbackAction,
  });

  const status = agent
    .command('status')
    .description('show what runs here, the last report and the next tick')
    .requiredOption(...rootOption);
  describe(status, {
    examples: ['gantry agent status --root /var/lib/gantry'],
    action: statusAction,
  });

  const doctor = agent
    .command('doctor')
    .description('check what the agent needs of this machine, with a cure for each fault')
    .requiredOption(...rootOption);
  describe(doctor, {
    examples: ['gantry agent doctor --root /var/lib/gantry'],
    no: 'something is wrong',
    action: doctorAction,
  });
}

interface CareArguments {
  root: string;
  resume?: boolean;
  json?: boolean;
}

async function rollbackAction({ root, resume: ends, json }: CareArguments): Promise<ExitCode> {
  const options = { dir: resolve(root) };
  const result = ends === true ? await resume(options) : await rollBack(options);

  print(json, { ...result, held: result.held ?? null }, () => formatRollback(result));
  return result.faults.length === 0 ? 0 : 1;
}

function formatRollback({ generation, held, faults }: RolledBack): string {
  const what = held ?? 'the next tick applies the desired state';
  const lines = faults.map(({ code, message }) => `  ${code}: ${message}`);
  return [`generation ${generation} runs: ${what}`, ...lines].join('\n');
}

async function statusAction({ root, json }: CareArguments): Promise<ExitCode> {
  const status = await readStatus(resolve(root));
  print(json, { ...status }, () => formatStatus(status));
  return 0;
}

function formatStatus(status: AgentStatus): string {
  const { last_report, blocked, services, modules } = status;
  const report =
    last_report === null
      ? null
      : `${last_report.report.status}, ${last_report.report.health}, at ${last_report.at}`;
  const why = last_report?.report.message ?? null;

  const fields = formatFields([
    ['instance', `${status.account}/${status.instance}`],
    ['way', status.way],
    ['layout', status.layout],
    ['generation', status.generation],
    ['desired state', status.applied_version],
    ['applied', status.applied_at],
    ['returns to', status.good_generations.join(', ') || null],
    ['held', blocked?.message ?? null],
    ['last report', report],
    ['its message', why],
    ['next tick', status.next_tick_at],
    ['store', `${Math.ceil(status.store_bytes / 1024 ** 2)} MiB`],
  ]);

  const parts = [
    fields,
    table(
      ['MODULE', 'DIGEST'],
      Object.entries(modules).map(([name, digest]) => [name, shortDigest(digest)]),
      'no modules run',
    ),
    table(
      ['SERVICE', 'STATE'],
      services.map(({ unit, state }) => [unit, state]),
      'the agent runs no services',
    ),
  ];
  return parts.join('\n\n');
}

async function doctorAction({ root, json }: CareArguments): Promise<ExitCode> {
  const checks = await examine(resolve(root));
  print(json, { checks }, () => checks.map(formatCheck).join('\n'));
  return checks.some(({ verdict }) => verdict === 'wrong') ? 1 : 0;
}

function formatCheck({ name, verdict, found, cure }: Check): string {
  return `${verdict.padEnd(5)}  ${name}: ${found}${cure === undefined ? '' : `\n       ${cure}`}`;
}
