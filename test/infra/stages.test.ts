import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseSettings } from '../../infra/settings.ts';
import { GantryStack } from '../../infra/stack.ts';
import { synthesize } from '../../scripts/synthesize.ts';
import { capitalize, queueNames } from '../../shared/contract/queues.ts';
import { type Stage, stageNames, stages } from '../../shared/contract/stages.ts';

const { resources } = synthesize();

/** The resources of a type whose logical id begins so. */
function named(type: string, prefix: string) {
  const found = resources(type).find(([id]) => id.startsWith(prefix));
  return found?.[1].Properties ?? {};
}

describe.each(stageNames)('the stage %s', (name) => {
  const stage: Stage = stages[name];

  test('has the time, the memory and the description of its entry', () => {
    expect(named('AWS::Lambda::Function', `${name}Function`)).toMatchObject({
      Timeout: stage.timeoutSeconds,
      MemorySize: stage.memoryMiB,
      Description: stage.description,
    });
  });

  test('may recurse exactly if it sends to its own queue', () => {
    const { RecursiveLoop } = named('AWS::Lambda::Function', `${name}Function`);
    expect(RecursiveLoop).toBe(stage.sends?.includes(name) ? 'Allow' : undefined);
  });

  test('repeats a failed call of its schedule as often as its entry says', () => {
    const found = resources('AWS::Lambda::EventInvokeConfig').filter(([id]) =>
      id.startsWith(`${name}Function`),
    );
    const expected = stage.schedule && {
      MaximumRetryAttempts: stage.schedule.retryAttempts,
      MaximumEventAgeInSeconds: stage.schedule.eventAgeMinutes * 60,
    };

    expect(found.length).toBe(expected === undefined ? 0 : 1);
    if (expected !== undefined) expect(found[0]?.[1].Properties).toMatchObject(expected);
  });
});

test.each(queueNames)(
  'the queue %s hides messages for six times the time-out of its reader',
  (name) => {
    const pattern = new RegExp(`^${capitalize(name)}Queue[0-9A-F]{8}$`);
    const found = resources('AWS::SQS::Queue').filter(([id]) => pattern.test(id));
    expect(found.map(([, { Properties }]) => Properties.VisibilityTimeout)).toEqual([
      6 * stages[name].timeoutSeconds,
    ]);
  },
);

test('a failed minute’s call is dropped, since the next minute’s does the same', () => {
  const minutely = stageNames.filter(
    (name) => (stages[name] as Stage).schedule?.everyMinutes === 1,
  );
  expect(minutely).toEqual(['poll', 'sweep']);

  for (const name of minutely) {
    expect((stages[name] as Stage).schedule).toMatchObject({
      retryAttempts: 0,
      eventAgeMinutes: 1,
    });
  }
});

describe('a new entry in the table of stages', () => {
  const audit: Stage = {
    description: 'Keeps who did what',
    entry: 'functions/audit/handler.ts',
    timeoutSeconds: 40,
    memoryMiB: 512,
    queue: {
      version: 1,
      message: z.object({ account: z.string() }),
      batchSize: 10,
      concurrency: 3,
    },
    sends: ['audit', 'collect'],
    grants: { table: 'write' },
    alarms: { AuditsLost: { metric: 'AuditsLost', description: 'Audit records were lost.' } },
  };

  const api: Stage = { ...stages.api, sends: [...stages.api.sends, 'audit'] };
  const stack = new GantryStack(new App(), 'Gantry', {
    settings: parseSettings({ senderAddress: 'gantry@example.com' }),
    code: () => Code.fromInline('exports.handler = async () => {};'),
    stages: { ...stages, api, audit },
  });

  const template = Template.fromStack(stack);
  const url = { AUDIT_QUEUE_URL: Match.anyValue() };

  test('makes its queue with a dead-letter queue', () => {
    template.hasResourceProperties('AWS::SQS::Queue', {
      VisibilityTimeout: 240,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 5 }),
    });
  });

  test('makes its function, which reads the queue and may send to itself', () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      Description: 'Keeps who did what',
      MemorySize: 512,
      RecursiveLoop: 'Allow',
      Environment: { Variables: Match.objectLike({ ...url, COLLECT_QUEUE_URL: Match.anyValue() }) },
    });
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 10,
      ScalingConfig: { MaximumConcurrency: 3 },
    });
  });

  test('names the queue to the stages that send to it', () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      Description: stages.api.description,
      Environment: { Variables: Match.objectLike(url) },
    });
  });

  test('puts the queue into the outputs, and its alarms beside the others', () => {
    template.hasOutput('AuditQueueUrl', {});
    const alarms = Object.keys(template.findResources('AWS::CloudWatch::Alarm'));
    for (const id of ['auditErrors', 'auditDeadLetters', 'AuditsLost']) {
      expect(alarms.filter((alarm) => alarm.startsWith(`Alarms${id}`))).toHaveLength(1);
    }
  });
});
