import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { capitalize, queueVariable } from '../shared/contract/queues.ts';
import type { StageQueueFacts } from '../shared/contract/stages.ts';
import { acknowledge } from './acknowledge.ts';
import type { StageFunction } from './stage-function.ts';

/**
 * Deliveries of one message before it goes to the dead-letter queue; AWS asks for at least five.
 */
const deliveriesMax = 5;

/**
 * A message is hidden for this many times the time-out of its reader. While Lambda throttles, the
 * poller of the queue holds messages and tries again. With a smaller factor, healthy messages would
 * use up their deliveries meanwhile (Lambda guide, "Configuring a queue"). A message that failed
 * comes back sooner: its handler shortens the wait.
 */
export const visibilityFactor = 6;

export interface StageQueueProps {
  /** The stage that reads it. */
  reader: StageFunction;
  timeoutSeconds: number;
  facts: StageQueueFacts;
}

/** A queue between two stages, with its dead-letter queue. */
export class StageQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  /** The queue's name among the stages. */
  readonly stage: string;

  constructor(scope: Construct, stage: string, props: StageQueueProps) {
    super(scope, `${capitalize(stage)}Queue`);
    this.stage = stage;
    this.deadLetterQueue = deadLetterQueue(this, 'DeadLetters');

    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: Duration.seconds(visibilityFactor * props.timeoutSeconds),
      retentionPeriod: Duration.days(4),
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: deliveriesMax },
      removalPolicy: RemovalPolicy.DESTROY,
    });

    this.feed(props.reader, props.facts);
  }

  allowSend(stage: StageFunction): void {
    stage.allow(['sqs:SendMessage'], [this.queue.queueArn]);
    this.nameIn(stage);
  }

  private feed(reader: StageFunction, { batchSize, concurrency }: StageQueueFacts): void {
    reader.lambda.addEventSource(
      new SqsEventSource(this.queue, {
        batchSize,
        maxConcurrency: concurrency,
        reportBatchItemFailures: true,
      }),
    );
    this.nameIn(reader);
  }

  private nameIn(stage: StageFunction): void {
    stage.lambda.addEnvironment(queueVariable(this.stage), this.queue.queueUrl);
  }
}

/** Keeps failed messages for two weeks, the longest that SQS keeps any, until a person looks. */
export function deadLetterQueue(scope: Construct, id: string): Queue {
  const queue = new Queue(scope, id, {
    encryption: QueueEncryption.SQS_MANAGED,
    enforceSSL: true,
    retentionPeriod: Duration.days(14),
    removalPolicy: RemovalPolicy.DESTROY,
  });

  acknowledge(queue, 'SQS3', 'It is a dead-letter queue.');
  return queue;
}
