import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { OperationAnswer } from '../../shared/contract/operations/index.ts';
import { type Flags, parseWholeNumber } from '../command.ts';
import { showSpinner } from '../output/progress.ts';
import { type ExitCode, print } from '../run.ts';
import type { Api } from './api.ts';

export interface WaitFlags extends Flags {
  wait?: boolean;
  timeout: number;
}

/** What exit code 1 means for a command that requests a change. */
export const changeRefused = 'the operation was refused, rejected, failed or timed out';

/** Adds the options of commands that start an operation. */
export function addWaitOptions(command: Command): Command {
  return command
    .option('--wait', 'wait until the operation ends or needs approval (default)')
    .option('--no-wait', 'return as soon as the operation is accepted')
    .option('--timeout <seconds>', 'maximum time to wait', parseWholeNumber, 600);
}

const ends = ['succeeded', 'refused', 'failed', 'rejected', 'expired', 'withdrawn'];

/**
 * Follows an operation until it ends or needs approval, prints it and returns the exit code.
 * @param extra other parts of the API response, which `--json` prints too
 */
export async function awaitOperation(
  api: Api,
  started: OperationAnswer,
  flags: WaitFlags,
  extra: Record<string, unknown> = {},
): Promise<ExitCode> {
  const operation = flags.wait === false ? started : await followOperation(api, started, flags);
  print(flags.json, { operation, ...extra }, () => formatOutcome(operation));
  if (flags.wait === false || ['succeeded', 'awaiting_approval'].includes(operation.state))
    return 0;
  return 1;
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

  while (
    !ends.includes(operation.state) &&
    operation.state !== 'awaiting_approval' &&
    Date.now() < deadline
  ) {
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
