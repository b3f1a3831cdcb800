import { Duration } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus, Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { FilterCriteria, FilterRule, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Settings } from './settings.ts';
import type { StageFunction } from './stage-function.ts';
import { deadLetterQueue } from './stage-queue.ts';
import type { Storage } from './storage.ts';

/** What ElectroDB writes into every item of the event entity (`shared/store`), by which the stream is filtered. */
const entityAttribute = '__edb_e__';
const eventEntity = 'event';

/** Events out: stored in the same transaction as the change they tell of, carried from the stream to the bus. */
export class Events extends Construct {
  readonly bus: EventBus;
  readonly deadLetterQueue: Queue;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    this.bus = new EventBus(this, 'Bus', {
      eventBusName: `gantry-${settings.environmentName}`,
      description: 'What happened in Gantry, as CloudEvents',
    });
    this.deadLetterQueue = deadLetterQueue(this, 'DeadLetters');
  }

  feed(stage: StageFunction, storage: Storage): void {
    stage.lambda.addEventSource(
      new DynamoEventSource(storage.table as ITable, {
        startingPosition: StartingPosition.TRIM_HORIZON,
        batchSize: 100,
        retryAttempts: 10,
        bisectBatchOnError: true,
        reportBatchItemFailures: true,
        onFailure: new SqsDlq(this.deadLetterQueue),
        filters: [
          FilterCriteria.filter({
            eventName: FilterRule.isEqual('INSERT'),
            dynamodb: { NewImage: { [entityAttribute]: { S: FilterRule.isEqual(eventEntity) } } },
          }),
        ],
      }),
    );
    stage.allow(['events:PutEvents'], [this.bus.eventBusArn]);
    stage.setEnvironment('EVENT_BUS_NAME', this.bus.eventBusName);
  }
}

/** Calls a function once a day. */
export function everyDay(stage: StageFunction): void {
  new Rule(stage, 'EveryDay', {
    schedule: Schedule.rate(Duration.days(1)),
    targets: [new LambdaFunction(stage.lambda, { retryAttempts: 2 })],
  });
}

/** Calls a function four times a day. */
export function everySixHours(stage: StageFunction): void {
  new Rule(stage, 'EverySixHours', {
    schedule: Schedule.rate(Duration.hours(6)),
    targets: [new LambdaFunction(stage.lambda, { retryAttempts: 2 })],
  });
}

/** Calls a function once a minute. */
export function everyMinute(stage: StageFunction): void {
  new Rule(stage, 'EveryMinute', {
    schedule: Schedule.rate(Duration.minutes(1)),
    // A minute's call that failed is not repeated: the next minute's does the same.
    targets: [new LambdaFunction(stage.lambda, { retryAttempts: 0 })],
  });
}
