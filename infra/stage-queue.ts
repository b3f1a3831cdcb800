import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { EnvironmentName } from '../shared/contract/environment.ts';
import { acknowledge } from './acknowledge.ts';
import type { StageFunction } from './stage-function.ts';

/** Deliveries of one message before it is put aside for a person. */
const deliveriesMax = 5;

export interface StageQueueProps {
  /** The variable that tells senders this queue's URL. */
  variable: EnvironmentName;
  /** The timeout of the function that reads it. */
  handlerTimeout: Duration;
}

/** A queue between two stages, with the dead-letter queue that takes what five deliveries could not finish. */
export class StageQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  readonly variable: EnvironmentName;

  constructor(scope: Construct, id: string, props: StageQueueProps) {
    super(scope, id);
    this.variable = props.variable;
    this.deadLetterQueue = deadLetterQueue(this, 'DeadLetters');
    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      // A message whose worker died is taken up again this long after; Lambda asks for at least the function's timeout.
      visibilityTimeout: props.handlerTimeout.plus(Duration.seconds(30)),
      retentionPeriod: Duration.days(4),
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: deliveriesMax },
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  allowSend(stage: StageFunction): void {
    stage.allow(['sqs:SendMessage'], [this.queue.queueArn]);
    stage.setEnvironment(this.variable, this.queue.queueUrl);
  }

  /** `concurrency` bounds how many run at once, so that a burst leaves the account's Lambda capacity to the others. */
  feed(stage: StageFunction, options: { batchSize: number; concurrency: number }): void {
    stage.lambda.addEventSource(
      new SqsEventSource(this.queue, {
        batchSize: options.batchSize,
        maxConcurrency: options.concurrency,
        reportBatchItemFailures: true,
      }),
    );
  }
}

/** Keeps what failed for as long as SQS can: two weeks for someone to look. */
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
