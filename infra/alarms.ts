import { Duration, Stack } from 'aws-cdk-lib';
import {
  Alarm,
  type AlarmProps,
  ComparisonOperator,
  type IMetric,
  Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import {
  metricDimensions,
  metricNamespace,
  type Stage,
  type StageAlarm,
  skippedRows,
} from '../shared/contract/stages.ts';
import type { Http } from './http.ts';
import type { Promotion } from './promotion.ts';
import type { StageFunction } from './stage-function.ts';

const period = Duration.minutes(5);

export interface AlarmsProps {
  deadLetterQueues: Record<string, Queue>;
  /** The queues of stages, by stage. */
  queues: Record<string, Queue>;
  functions: Record<string, StageFunction>;
  stages: Readonly<Record<string, Stage>>;
  promotion: Promotion;
  http: Http;
  alarmAddress: string | undefined;
  deployment: string;
}

/** The alarms that a person must look at, published through one topic. */
export class Alarms extends Construct {
  private readonly topic: Topic;
  private readonly deployment: string;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.deployment = props.deployment;
    this.topic = new Topic(this, 'Topic', { displayName: 'Gantry alarms', enforceSSL: true });

    // The topic's own policy replaces the default one, which lets alarms of the account publish.
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );

    if (props.alarmAddress !== undefined)
      this.topic.addSubscription(new EmailSubscription(props.alarmAddress));

    for (const [name, queue] of Object.entries(props.deadLetterQueues)) {
      const metric = queue.metricApproximateNumberOfMessagesVisible({
        period,
        statistic: 'Maximum',
      });
      this.raise(
        `${name}DeadLetters`,
        metric,
        `Messages of ${name} failed five times and wait in its dead-letter queue.`,
      );
    }

    for (const [name, queue] of Object.entries(props.queues)) {
      const minutes = props.stages[name]?.queue?.oldestMinutes;
      if (minutes === undefined) continue;

      const age = queue.metricApproximateAgeOfOldestMessage({ period, statistic: 'Maximum' });
      this.raise(`${name}Waiting`, age, `A message of ${name} has waited for ${minutes} minutes.`, {
        threshold: minutes * 60,
      });
    }

    for (const [name, stage] of Object.entries(props.functions)) {
      const metric = stage.lambda.metricErrors({ period, statistic: 'Sum' });
      this.raise(`${name}Errors`, metric, `The function ${name} ended with an error.`);
    }

    for (const [name, { alarms = {} }] of Object.entries(props.stages)) {
      for (const [id, alarm] of Object.entries(alarms)) this.watch(id, name, alarm);
    }

    this.watch('RowsSkipped', skippedRows.service, {
      metric: skippedRows.metric,
      description: 'A record cannot be read, and the work of all accounts left it out.',
    });

    const failed = props.promotion.stateMachine.metricFailed({ period, statistic: 'Sum' });
    this.raise(
      'OperationsFailed',
      failed,
      'An operation failed because of an error in the platform.',
    );

    const serverErrors = props.http.api.metricServerError({ period, statistic: 'Sum' });
    this.raise('ApiServerErrors', serverErrors, 'The API returned a 5xx status.');
  }

  /** An alarm of a metric that a stage counts itself. */
  private watch(id: string, stage: string, { metric, description, below }: StageAlarm): void {
    const counted = new Metric({
      namespace: metricNamespace,
      metricName: metric,
      dimensionsMap: metricDimensions(stage, this.deployment),
      period: below === undefined ? period : Duration.hours(below.hours),
      statistic: below === undefined ? 'Sum' : 'Minimum',
    });

    const least = below && {
      threshold: below.value,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.IGNORE,
    };

    this.raise(id, counted, description, least);
  }

  private raise(
    id: string,
    metric: IMetric,
    alarmDescription: string,
    other: Partial<AlarmProps> = {},
  ): void {
    const alarm = new Alarm(this, id, {
      metric,
      alarmDescription,
      threshold: 0,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      ...other,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
  }
}
