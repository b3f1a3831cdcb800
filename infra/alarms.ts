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
import { limits } from '../shared/base/limits/index.ts';
import type { Http } from './http.ts';
import type { Promotion } from './promotion.ts';
import type { StageFunction } from './stage-function.ts';

const period = Duration.minutes(5);

export interface AlarmsProps {
  deadLetterQueues: Record<string, Queue>;
  functions: Record<string, StageFunction>;
  promotion: Promotion;
  http: Http;
  alarmAddress: string | undefined;
}

/** What a person must look at, told through one topic. */
export class Alarms extends Construct {
  private readonly topic: Topic;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', { displayName: 'Gantry alarms', enforceSSL: true });
    // A policy of its own replaces the default one, by which alarms may publish to topics of their account.
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
        `Messages of ${name} failed five times and wait in ${name}'s dead-letter queue.`,
      );
    }
    for (const [name, stage] of Object.entries(props.functions)) {
      const metric = stage.lambda.metricErrors({ period, statistic: 'Sum' });
      this.raise(`${name}Errors`, metric, `The function ${name} ended with an error.`);
    }
    const failed = props.promotion.stateMachine.metricFailed({ period, statistic: 'Sum' });
    this.raise('OperationsFailed', failed, 'An operation failed by a fault of the platform.');
    this.raise(
      'CompositionsRefused',
      counted('CompositionsRefused', 'compose'),
      'A template cannot be composed as it is now; its composition stays.',
    );
    this.raise(
      'CredentialsReused',
      counted('CredentialsReused', 'events'),
      "A machine's credential was used from two places and is revoked.",
    );
    this.raise(
      'QuarantinesHeld',
      counted('QuarantinesHeld', 'reverify'),
      'More versions than usual do not verify any more; what is not quarantined yet waits for a person.',
    );
    // functions/verify/trust-handler.ts tells it, four times a day.
    const daysLeft = new Metric({
      namespace: 'Gantry',
      metricName: 'TrustRootDaysLeft',
      dimensionsMap: { service: 'trust' },
      period: Duration.hours(6),
      statistic: 'Minimum',
    });
    this.raise(
      'TrustRootStale',
      daysLeft,
      'The public-good trust root was not refreshed for days.',
      {
        threshold: limits.trustRootDaysLeftMin,
        comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
        treatMissingData: TreatMissingData.IGNORE,
      },
    );
    const serverErrors = props.http.api.metricServerError({ period, statistic: 'Sum' });
    this.raise('ApiServerErrors', serverErrors, 'The API answered with a 5xx status.');
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

/** What a function counts itself; Powertools adds the dimension. */
function counted(metricName: string, service: string): Metric {
  return new Metric({
    namespace: 'Gantry',
    metricName,
    dimensionsMap: { service },
    period,
    statistic: 'Sum',
  });
}
