import { SendTaskFailureCommand, SendTaskSuccessCommand } from '@aws-sdk/client-sfn';
import type { Services } from './services.ts';

/**
 * The errors of Step Functions for a token whose task has ended: it timed out, or an earlier
 * delivery completed it.
 */
const ended = ['TaskTimedOut', 'TaskDoesNotExist', 'InvalidToken'];

/** Wakes an execution that waits on a task token. Does nothing if the task has ended. */
export async function completeTask(
  services: Services,
  taskToken: string,
  output: object,
): Promise<void> {
  await ignoreEnded(
    services.aws.sfn.send(
      new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) }),
    ),
  );
}

/**
 * Fails the task that an execution waits for, with a code and a sentence. Does nothing if the task
 * has ended.
 */
export async function failTask(
  services: Services,
  taskToken: string,
  failure: { error: string; cause?: string },
): Promise<void> {
  await ignoreEnded(services.aws.sfn.send(new SendTaskFailureCommand({ taskToken, ...failure })));
}

async function ignoreEnded(sent: Promise<unknown>): Promise<void> {
  try {
    await sent;
  } catch (error) {
    if (!ended.includes((error as { name?: string }).name ?? '')) throw error;
  }
}
