import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSEvent } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { retrySeconds, stageHandler, telemetryOf } from '../../../shared/aws/stage.ts';
import { GantryError } from '../../../shared/base/error.ts';
import { addLogKeys } from '../../../shared/base/log-context.ts';
import { type QueueName, queueNames, writeMessage } from '../../../shared/contract/queues.ts';

const instance = (letter: string) => `ins_01J9Z6W5T1K5R0Q2V9M3N8P7X${letter}`;
const context = {
  functionName: 'gantry-reconcile',
  invokedFunctionArn: 'arn:aws:lambda:eu-west-1:1:function:gantry-reconcile',
  memoryLimitInMB: '1024',
  awsRequestId: 'request-1',
} as Context;

function event(...bodies: string[]): SQSEvent {
  const Records = bodies.map((body, i) => ({
    body,
    messageId: `message-${i}`,
    receiptHandle: `receipt-${i}`,
    eventSource: 'aws:sqs',
  }));
  return { Records } as unknown as SQSEvent;
}

/** Lines that were logged, and metrics that were counted, as JSON. */
let lines: Record<string, unknown>[] = [];
let metrics: Record<string, unknown>[] = [];
/** Input of the commands that were sent to SQS. */
let sent: unknown[] = [];

function services() {
  const sqs = {
    send: async ({ input }: { input: unknown }) => {
      sent.push(input);
    },
  } as unknown as SQSClient;

  const queueUrls = Object.fromEntries(
    queueNames.map((name) => [name, `https://sqs/${name}`]),
  ) as Record<QueueName, string>;
  return { aws: { sqs }, settings: { queueUrls } };
}

function handlerOf(handle: (message: { instance_id: string }) => Promise<unknown>) {
  return stageHandler(telemetryOf('reconcile'), services(), { message: handle });
}

beforeEach(() => {
  lines = [];
  metrics = [];
  sent = [];
  process.env.DEPLOYMENT_NAME = 'staging';
  process.env.POWERTOOLS_LOG_LEVEL = 'INFO';

  const keep = (chunk: unknown) => {
    for (const line of String(chunk)
      .split('\n')
      .filter((text) => text.startsWith('{'))) {
      const parsed = JSON.parse(line) as Record<string, unknown>;
      ('_aws' in parsed ? metrics : lines).push(parsed);
    }
    return true;
  };

  // Powertools has a console of its own on these streams.
  vi.spyOn(process.stdout, 'write').mockImplementation(keep);
  vi.spyOn(process.stderr, 'write').mockImplementation(keep);
});
afterEach(() => {
  vi.restoreAllMocks();
  process.env.POWERTOOLS_LOG_LEVEL = 'SILENT';
});

describe('a handler of a queue', () => {
  const message = (letter: string) =>
    writeMessage('reconcile', { account: 'acme', instance_id: instance(letter) }, `flow-${letter}`);

  it('logs one line when a message is done: what it was about, its ids, duration and outcome', async () => {
    await handlerOf(async () => 'signed')(event(message('A')), context);
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'INFO',
        message: 'reconcile finished',
        service: 'reconcile',
        correlation_id: 'flow-A',
        account: 'acme',
        instance_id: instance('A'),
        message_id: 'message-0',
        function_request_id: 'request-1',
        outcome: 'signed',
        duration_ms: expect.any(Number),
      }),
    ]);
  });

  it('logs a refusal with its code, an error with its stack, and has only these delivered again', async () => {
    const handle = handlerOf(async ({ instance_id }) => {
      if (instance_id === instance('A')) throw new GantryError('conflict', 'somebody was faster');
      if (instance_id === instance('B')) throw new TypeError('no such thing');
    });
    const response = await handle(event(message('A'), message('B'), message('C')), context);

    expect(response).toEqual({
      batchItemFailures: [{ itemIdentifier: 'message-0' }, { itemIdentifier: 'message-1' }],
    });

    const lineOf = (id: string) => lines.find(({ message_id }) => message_id === id);
    expect(lineOf('message-0')).toMatchObject({
      level: 'WARN',
      message: 'somebody was faster',
      outcome: 'refused',
      code: 'conflict',
      instance_id: instance('A'),
    });

    expect(lineOf('message-1')).toMatchObject({
      level: 'ERROR',
      outcome: 'failed',
      error: { name: 'TypeError', message: 'no such thing' },
      instance_id: instance('B'),
    });

    expect(lineOf('message-2')).toMatchObject({ level: 'INFO', outcome: 'done' });
  });

  it('shortens the wait of a failed message, which the queue hides for six times its time-out', async () => {
    await handlerOf(async () => {
      throw new GantryError('conflict', 'somebody was faster');
    })(event(message('A')), context);
    expect(sent).toEqual([
      {
        QueueUrl: 'https://sqs/reconcile',
        ReceiptHandle: 'receipt-0',
        VisibilityTimeout: retrySeconds('reconcile'),
      },
    ]);
  });

  it('keeps the keys of concurrent messages out of each other’s lines', async () => {
    const handle = handlerOf(async ({ instance_id }) => {
      if (instance_id === instance('A')) addLogKeys({ only_of_a: true });
      await new Promise((resolve) => setTimeout(resolve, 5));
    });
    await handle(event(message('A'), message('B')), context);
    await handle(event(message('C')), context);

    expect(lines.map(({ correlation_id, only_of_a }) => [correlation_id, only_of_a])).toEqual([
      ['flow-A', true],
      ['flow-B', undefined],
      ['flow-C', undefined],
    ]);
  });

  it('never logs a secret that an error quotes', async () => {
    const secret = `gantry_${'s'.repeat(40)}`;
    await handlerOf(async () => {
      throw new Error(`the token ${secret} was refused`);
    })(event(message('A')), context);
    expect(JSON.stringify(lines)).not.toContain(secret);
  });

  it('refuses a message of a newer format with a code, under the message’s id', async () => {
    const body = JSON.stringify({ v: 99, account: 'acme', instance_id: instance('A') });
    const response = await handlerOf(async () => {})(event(body), context);
    expect(response).toEqual({ batchItemFailures: [{ itemIdentifier: 'message-0' }] });
    expect(lines).toMatchObject([{ code: 'message_unsupported', correlation_id: 'message-0' }]);
  });

  it('counts by stage and deployment, so that two deployments do not share alarms', async () => {
    await handlerOf(async () => {})(event(message('A')), context);
    const counted = metrics.find((line) => 'ReconcileDone' in line);

    expect(counted).toMatchObject({ service: 'reconcile', deployment: 'staging' });
    expect(counted?._aws).toMatchObject({
      CloudWatchMetrics: [{ Namespace: 'Gantry', Dimensions: [['service', 'deployment']] }],
    });
  });
});
