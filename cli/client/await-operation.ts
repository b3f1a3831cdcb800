import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { OperationAnswer } from '../../shared/contract/operations/index.ts';
import type { Flags } from '../command.ts';
import { type ExitMeanings, exitCodes } from '../exit-codes.ts';
import { addTimeout } from '../input/duration.ts';
import { showSpinner } from '../output/progress.ts';
import { safe } from '../output/table.ts';
import { type ExitCode, print } from '../run.ts';
import type { Api } from './api.ts';

export interface WaitFlags extends Flags {
  wait?: boolean;
  timeout: number;
}

/** What the exit codes mean for a command that requests a change. */
export const changeRefused: ExitMeanings = {
  1: 'the operation was refused, rejected or failed',
  3: 'the change waits for approval',
  4: exitCodes[4],
};

/** Adds the options of commands that start an operation. */
export function addWaitOptions(command: Command): Command {
  command
    .option('--wait', 'wait for the decision too (default: until it ends or needs approval)')
    .option('--no-wait', 'return as soon as the operation is accepted');
  return addTimeout(command, 600);
}

const ends = ['succeeded', 'refused', 'failed', 'rejected', 'expired', 'withdrawn'];

/**
 * Follows an operation until it ends, prints it and returns the exit code. An operation that needs
 * approval is followed further only with --wait.
 * @param extra other parts of the API response, which `--json` prints too; warnings are printed for
 * people as well
 */
export async function awaitOperation(
  api: Api,
  started: OperationAnswer,
  flags: WaitFlags,
  extra: Record<string, unknown> & { warnings?: string[] } = {},
): Promise<ExitCode> {
  const operation = flags.wait === false ? started : await followOperation(api, started, flags);
  print(flags.json, { operation, ...extra }, () =>
    [
      formatOutcome(operation),
      ...(extra.warnings ?? []).map((one) => `warning: ${safe(one)}`),
    ].join('\n'),
  );
  return flags.wait === false ? 0 : exitCodeOf(operation.state);
}

function exitCodeOf(state: string): ExitCode {
  if (state === 'succeeded') return 0;
  if (state === 'awaiting_approval') return 3;
  return ends.includes(state) ? 1 : 4;
}

async function followOperation(
  api: Api,
  started: OperationAnswer,
  flags: WaitFlags,
): Promise<OperationAnswer> {
  const deadline = Date.now() + flags.timeout * 1000;
  const spinner = await showSpinner(flags, started.summary);
  let operation = started;
  let pauseMs = 250;

  const awaited = flags.wait === true ? ends : [...ends, 'awaiting_approval'];
  while (!awaited.includes(operation.state) && Date.now() < deadline) {
    spinner.message(`${operation.summary}: ${operation.state}`);
    await sleep(pauseMs);
    pauseMs = Math.min(2000, pauseMs * 1.4);
    ({ operation } = await api.client.get(api.responses.operation, `/operations/${operation.id}`));
  }

  spinner.stop();
  return operation;
}

/** Formats the state of an operation, and what to do next. */
export function formatOutcome({
  id,
  summary,
  state,
  code,
  message,
  approval_id,
}: OperationAnswer): string {
  if (state === 'succeeded') return `done: ${summary}`;
  if (state === 'awaiting_approval') {
    return `awaiting approval: ${summary}\n  reviewers have mail; or run: gantry approval approve ${approval_id}`;
  }

  if (ends.includes(state))
    return `${state}: ${summary}${message ? `\n  ${message}` : ''}${code ? ` (${code})` : ''}`;
  return `${state}: ${summary}\n  follow it with: gantry operation wait ${id}`;
}
