import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { outputsSchema } from '../../../infra/outputs.ts';
import { environmentOf } from '../../../scripts/admin-token.ts';
import { isGantryError } from '../../../shared/base/error.ts';
import {
  type Messages,
  parseMessage,
  type QueueName,
  type QueueVariable,
  queueNames,
  queueOutput,
  queueVariable,
  readMessage,
  writeMessage,
} from '../../../shared/contract/queues.ts';
import { type Stage, stageNames, stages } from '../../../shared/contract/stages.ts';

const message = { account: 'acme', module: 'nginx' };
const sent = (fields: object) => JSON.stringify({ v: 1, ...message, ...fields });

/** The code of the error that reading throws. */
function codeOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (isGantryError(error)) return error.code;
  }
  return 'none';
}

describe('a message', () => {
  test('carries its format version and the correlation id of its flow', () => {
    const body = writeMessage('poll', message, 'flow-1');
    expect(JSON.parse(body)).toEqual({ v: 1, correlation_id: 'flow-1', ...message });
    expect(readMessage('poll', body)).toEqual({ message, correlation_id: 'flow-1' });
  });

  test('cannot bring a correlation id that breaks a log line', () => {
    for (const correlation_id of ['', 'a b', 'a\nb', 'x'.repeat(200), undefined]) {
      expect(readMessage('poll', sent({ correlation_id })).correlation_id).toBeUndefined();
    }
  });

  test.each([
    ['of a newer format', sent({ v: 2 })],
    ['of no format', JSON.stringify(message)],
    ['that is not JSON', 'hello'],
    ['that lacks a field', sent({ module: undefined })],
  ])('%s is refused with a code', (_, body) => {
    expect(codeOf(() => readMessage('poll', body))).toBe('message_unsupported');
  });

  test('of the format before the present one is read in the present one', () => {
    const queue = {
      version: 2,
      message: z.object({ modules: z.array(z.string()) }),
      earlier: {
        1: z.object({ module: z.string() }).transform(({ module }) => ({ modules: [module] })),
      },
      batchSize: 1,
      concurrency: 2,
    };

    const read = (body: object) => parseMessage('poll', queue, JSON.stringify(body)).message;
    expect(read({ v: 1, module: 'nginx' })).toEqual({ modules: ['nginx'] });
    expect(read({ v: 2, modules: ['a', 'b'] })).toEqual({ modules: ['a', 'b'] });
    expect(() => read({ v: 3, modules: [] })).toThrow('expected format version 1, 2, found 3');
  });
});

describe('what derives from the table of stages', () => {
  test('the types of queues, variables and messages', () => {
    expectTypeOf<'poll'>().toExtend<QueueName>();
    expectTypeOf<'sweep'>().not.toExtend<QueueName>();
    expectTypeOf<QueueVariable>().toExtend<`${string}_QUEUE_URL`>();
    expectTypeOf<'COLLECT_QUEUE_URL'>().toExtend<QueueVariable>();
    expectTypeOf<Messages['collect']>().toEqualTypeOf<{ account: string }>();
  });

  test('the outputs of the stack and the variables of a script', () => {
    const outputs = outputsSchema.parse({
      ...Object.fromEntries(queueNames.map((name) => [queueOutput(name), `https://sqs/${name}`])),
      ...Object.fromEntries(
        ['DeploymentName', 'ApiId', 'TableName', 'BucketName', 'StateMachineArn'].map((name) => [
          name,
          'x',
        ]),
      ),
      ...{ EventBusName: 'x', LinkKeyId: 'x', ApiUrl: 'https://x', PublicUrl: 'https://x' },
    });

    const variables = environmentOf(outputs);
    for (const name of queueNames)
      expect(variables[queueVariable(name)]).toBe(`https://sqs/${name}`);
  });

  test('the name of a queue is one word, because variables and outputs derive from it', () => {
    for (const name of queueNames) expect(name).toMatch(/^[a-z]+$/);
  });

  test('a stage sends to queues that exist', () => {
    for (const name of stageNames) {
      const { sends = [] }: Stage = stages[name];
      expect(sends.filter((queue) => !(queueNames as string[]).includes(queue))).toEqual([]);
    }
  });

  test('no queue’s variable is written by hand', () => {
    const root = new URL('../../../', import.meta.url).pathname;
    const names = queueNames.map(queueVariable).join('|');

    const found = ['shared', 'infra', 'functions', 'scripts', 'bench', 'cli'].flatMap((folder) =>
      readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
        .filter((path) => /\.tsx?$/.test(path))
        .filter((path) => new RegExp(names).test(readFileSync(`${root}${folder}/${path}`, 'utf8'))),
    );

    expect(found).toEqual([]);
  });
});
