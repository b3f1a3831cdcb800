import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type Code,
  Function as LambdaFunction,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { EnvironmentName } from '../shared/contract/environment.ts';
import { acknowledgeWildcard } from './acknowledge.ts';
import type { FunctionName } from './bundle.ts';

export interface StageFunctionProps {
  description: string;
  /** Exports `handler` from `index`. */
  code: Code;
  timeout: Duration;
  /** MiB; 1769 is one whole CPU. */
  memorySize?: number;
}

/** By operator and key, as IAM writes them. */
export type Conditions = Record<string, Record<string, string | string[]>>;

/**
 * One Lambda function with its own role and log group. What it may reach is granted by the construct that owns the
 * resource, which also sets the variable that names it, so that no function knows of a resource it may not use.
 */
export class StageFunction extends Construct {
  readonly lambda: LambdaFunction;
  readonly role: Role;

  constructor(scope: Construct, name: FunctionName, props: StageFunctionProps) {
    super(scope, name);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
    logGroup.grantWrite(this.role);
    this.lambda = new LambdaFunction(this, 'Function', {
      description: props.description,
      code: props.code,
      handler: 'index.handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.X86_64,
      memorySize: props.memorySize ?? 1024,
      timeout: props.timeout,
      role: this.role,
      logGroup,
      tracing: Tracing.ACTIVE,
      environment: {
        NODE_OPTIONS: '--enable-source-maps',
        POWERTOOLS_SERVICE_NAME: name,
        POWERTOOLS_METRICS_NAMESPACE: 'Gantry',
        POWERTOOLS_LOG_LEVEL: 'INFO',
      },
    });
    acknowledgeWildcard(
      this.role,
      '*',
      'X-Ray, ecr:GetAuthorizationToken, kms:CreateKey and states:SendTask* know no resource; the infra tests list every such action.',
    );
  }

  /** Sets a variable of shared/contract/environment.ts. */
  setEnvironment(name: EnvironmentName, value: string): void {
    this.lambda.addEnvironment(name, value);
  }

  allow(actions: string[], resources: string[], conditions: Conditions = {}): void {
    this.role.addToPolicy(new PolicyStatement({ actions, resources, conditions }));
  }
}
