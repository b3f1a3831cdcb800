import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { OperationAnswer } from '../../shared/contract/operations/index.ts';
import { type Flags, wholeNumber } from '../command.ts';
import { type ExitCode, print } from '../run.ts';
import type { Api } from './api.ts';

export interface WaitFlags extends Flags {
  wait?: boolean;
  timeout: number;
}

/** What exit code 1 means where a change is asked for. */
export const changeRefused = 'the change was refused, rejected or failed, or did not end in time';

/** The options of commands whose change is an operation. */
export function waits(command: Command): Command {
  return command
    .option('--wait', 'wait until the change is made or waits for approval (default)')
    .option('--no-wait', 'return as soon as the request is accepted')
    .option('--timeout <seconds>', 'how long to wait', wholeNumber, 600);
}

const ends = ['succeeded', 'refused', 'failed', 'rejected', 'expired', 'withdrawn'];

/**
 * Follows an operation until it ends or waits for people, tells how it went and returns the exit code. `extra` is what
 * else the answer held.
 */
export async function awaitOperation(
  api: Api,
  started: OperationAnswer,
  flags: WaitFlags,
  extra: Record<string, unknown> = {},
): Promise<ExitCode> {
  const operation = flags.wait === false ? started : await followed(api, started, flags);
  print(flags.json, { operation, ...extra }, () => outcome(operation));
  if (flags.wait === false || ['succeeded', 'awaiting_approval'].includes(operation.state))
    return 0;
  return 1;
}

async function followed(
  api: Api,
  started: OperationAnswer,
  flags: WaitFlags,
): Promise<OperationAnswer> {
  const deadline = Date.now() + flags.timeout * 1000;
  const show = await progress(flags, started.summary);
  let operation = started;
  let pauseMs = 250;
  while (
    !ends.includes(operation.state) &&
    operation.state !== 'awaiting_approval' &&
    Date.now() < deadline
  ) {
    show.message(`${operation.summary}: ${operation.state}`);
    await sleep(pauseMs);
    pauseMs = Math.min(2000, pauseMs * 1.4);
    ({ operation } = await api.client.get(api.answers.operation, `/operations/${operation.id}`));
  }
  show.stop();
  return operation;
}

/** One sentence on how an operation stands. */
export function outcome({
  id,
  summary,
  state,
  code,
  message,
  approval_id,
}: OperationAnswer): string {
  if (state === 'succeeded') return `done: ${summary}`;
  if (state === 'awaiting_approval') {
    return `waiting for approval: ${summary}\n  reviewers have mail; or: gantry approvals approve ${approval_id}`;
  }
  if (ends.includes(state))
    return `${state}: ${summary}${message ? `\n  ${message}` : ''}${code ? ` (${code})` : ''}`;
  return `${state}: ${summary}\n  gantry operation wait ${id}`;
}

/** A spinner for people at a terminal, nothing for programs. */
async function progress(
  flags: Flags,
  text: string,
): Promise<{ message: (text: string) => void; stop: () => void }> {
  if (flags.json || !process.stderr.isTTY) return { message: () => {}, stop: () => {} };
  const { spinner } = await import('@clack/prompts');
  const shown = spinner({ output: process.stderr });
  shown.start(text);
  return { message: (next) => shown.message(next), stop: () => shown.clear() };
}
