import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type Code,
  Function as LambdaFunction,
  RecursiveLoop,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { EnvironmentName } from '../shared/contract/environment.ts';
import { metricNamespace, type Stage, type StageSchedule } from '../shared/contract/stages.ts';
import { acknowledgeWildcard } from './acknowledge.ts';

export interface StageFunctionProps {
  stage: Stage;
  /** Exports `handler` from `index`. */
  code: Code;
  deployment: string;
}

/** By operator and key, as IAM writes them. */
export type Conditions = Record<string, Record<string, string | string[]>>;

/**
 * One Lambda function with its own role and log group. The construct that owns a resource grants
 * access to it, and sets the variable that names it: a function does not know resources that it may
 * not use.
 */
export class StageFunction extends Construct {
  readonly lambda: LambdaFunction;
  readonly role: Role;

  constructor(scope: Construct, name: string, { stage, code, deployment }: StageFunctionProps) {
    super(scope, name);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(this.role);

    this.lambda = new LambdaFunction(this, 'Function', {
      description: stage.description,
      code,
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.X86_64,
      memorySize: stage.memoryMiB,
      timeout: Duration.seconds(stage.timeoutSeconds),
      role: this.role,
      logGroup,
      tracing: Tracing.ACTIVE,
      environment: {
        NODE_OPTIONS: '--enable-source-maps',
        DEPLOYMENT_NAME: deployment,
        POWERTOOLS_SERVICE_NAME: name,
        POWERTOOLS_METRICS_NAMESPACE: metricNamespace,
        POWERTOOLS_LOG_LEVEL: 'INFO',
      },
      // Lambda stops a function that sends to its own queue after 16 rounds, unless recursion is
      // allowed.
      ...(stage.sends?.includes(name) ? { recursiveLoop: RecursiveLoop.ALLOW } : {}),
    });

    acknowledgeWildcard(
      this.role,
      '*',
      'X-Ray, ecr:GetAuthorizationToken, kms:CreateKey, states:SendTask* and ec2:Describe* know no resource; the infra tests list every such action.',
    );
  }

  /** Sets a variable of shared/contract/environment.ts. */
  setEnvironment(name: EnvironmentName, value: string): void {
    this.lambda.addEnvironment(name, value);
  }

  allow(
    actions: readonly string[],
    resources: readonly string[],
    conditions: Conditions = {},
  ): void {
    this.role.addToPolicy(
      new PolicyStatement({ actions: [...actions], resources: [...resources], conditions }),
    );
  }

  /**
   * Calls the function regularly. The rule retries the delivery, and Lambda retries a failed call,
   * so both are limited.
   */
  runRegularly({ name, everyMinutes, retryAttempts, eventAgeMinutes }: StageSchedule): void {
    const maxEventAge = Duration.minutes(eventAgeMinutes);
    this.lambda.configureAsyncInvoke({ retryAttempts, maxEventAge });
    new Rule(this, name, {
      schedule: Schedule.rate(Duration.minutes(everyMinutes)),
      targets: [new LambdaTarget(this.lambda, { retryAttempts, maxEventAge })],
    });
  }
}
