import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { FilterCriteria, FilterRule, StartingPosition } from 'aws-cdk-lib/aws-lambda';
import { DynamoEventSource, SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { Settings } from './settings.ts';
import type { StageFunction } from './stage-function.ts';
import { deadLetterQueue } from './stage-queue.ts';
import type { Storage } from './storage.ts';

/**
 * ElectroDB's mark of the items of the event entity (`shared/store`); the stream is filtered by it.
 */
const entityAttribute = '__edb_e__';
const eventEntity = 'event';

/**
 * Publishes events. They are stored in the transaction of the change that they report, then sent
 * from the table's stream to the bus.
 */
export class Events extends Construct {
  readonly bus: EventBus;
  readonly deadLetterQueue: Queue;

  constructor(scope: Construct, id: string, settings: Settings) {
    super(scope, id);
    this.bus = new EventBus(this, 'Bus', {
      eventBusName: `gantry-${settings.environmentName}`,
      description: 'The events of Gantry as CloudEvents',
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
