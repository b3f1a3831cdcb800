import { ArnFormat, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  Choice,
  Condition,
  DefinitionBody,
  Errors,
  Fail,
  type IChainable,
  IntegrationPattern,
  JitterType,
  LogLevel,
  Map as MapState,
  ProvideItems,
  QueryLanguage,
  StateMachine,
  Succeed,
  TaskInput,
  Timeout,
} from 'aws-cdk-lib/aws-stepfunctions';
import { LambdaInvoke, SqsSendMessage } from 'aws-cdk-lib/aws-stepfunctions-tasks';
import { Construct } from 'constructs';
import { type OperationStep, stepDecisions } from '../shared/contract/operations/index.ts';
import { stages } from '../shared/contract/stages.ts';
import { acknowledgeWildcard, attribute, local } from './acknowledge.ts';
import type { StageFunction } from './stage-function.ts';
import type { StageQueue } from './stage-queue.ts';

/** Errors of Lambda itself, which are retried. An error that a step throws is its result. */
const serviceErrors = [
  'Lambda.ClientExecutionTimeoutException',
  'Lambda.ServiceException',
  'Lambda.AWSLambdaException',
  'Lambda.SdkClientException',
  'Lambda.TooManyRequestsException',
];

export interface PromotionProps {
  promote: StageFunction;
  composeQueue: StageQueue;
}

/**
 * One execution for each operation. Its input is `{account, operation_id, correlation_id}`; its
 * payloads carry ids and revisions only:
 *
 *     check ─▶ plan ─▶ compose each affected template ─▶ apply ─▶ notify
 *       └ refused ▲                                │       │
 *                 │                             approval ─ │ ─▶ rejected
 *                 └────────────── approved ────────┴───────┘ a template changed meanwhile
 *
 * So every applied change was composed with the templates as they are: the approval may have taken
 * days, and another change may have been applied first. Reviewers are asked by the policies of the
 * changes, or by `apply` if composing them brings versions of other accounts.
 *
 * An approval without a decision ends in `expire`, unless the decision came at the last moment. Any
 * other error ends in `fail`. The operation's record says how it ended.
 */
export class Promotion extends Construct {
  readonly stateMachine: StateMachine;
  private readonly promote: StageFunction;

  constructor(scope: Construct, id: string, props: PromotionProps) {
    super(scope, id);
    this.promote = props.promote;

    const logs = new LogGroup(this, 'Logs', {
      // Step Functions writes to groups under this prefix without a longer resource policy each.
      logGroupName: `/aws/vendedlogs/states/${Stack.of(this).stackName}`,
      retention: RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    this.stateMachine = new StateMachine(this, 'StateMachine', {
      queryLanguage: QueryLanguage.JSONATA,
      definitionBody: DefinitionBody.fromChainable(this.definition(props.composeQueue)),
      // It is longer than any approval may wait.
      timeout: Duration.days(60),
      tracingEnabled: true,
      logs: { destination: logs, level: LogLevel.ALL, includeExecutionData: false },
      removalPolicy: RemovalPolicy.RETAIN,
    });

    this.acknowledgeWildcards();
  }

  allow(use: 'start' | 'describe' | 'answer', stage: StageFunction): void {
    if (use === 'start') this.allowStart(stage);
    if (use === 'describe') this.allowDescribe(stage);
    if (use === 'answer') this.allowAnswer(stage);
  }

  private allowStart(stage: StageFunction): void {
    stage.allow(['states:StartExecution'], [this.stateMachine.stateMachineArn]);
    stage.setEnvironment('STATE_MACHINE_ARN', this.stateMachine.stateMachineArn);
  }

  /** Lets a stage see if an execution still runs. Its name begins with the operation's id. */
  private allowDescribe(stage: StageFunction): void {
    stage.allow(
      ['states:DescribeExecution'],
      [
        Stack.of(this).formatArn({
          service: 'states',
          resource: 'execution',
          resourceName: `${this.stateMachine.stateMachineName}:*`,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      ],
    );
    acknowledgeWildcard(
      stage.role,
      `${local('states')}:execution:${attribute(this.stateMachine, 'Name')}:*`,
      'Executions are named at run time; the state machine bounds them.',
    );
  }

  /**
   * Lets a stage complete a waiting state: composed, approved, rejected. These actions know no
   * resource (Service Authorization Reference); the task token bounds them.
   */
  private allowAnswer(stage: StageFunction): void {
    stage.allow(['states:SendTaskSuccess', 'states:SendTaskFailure'], ['*']);
  }

  private definition(composeQueue: StageQueue): IChainable {
    const done = new Succeed(this, 'Done');
    const failed = this.failure();

    const notify = this.step('Notify', 'notify');
    notify.addCatch(failed);
    notify.next(done);

    const plan = this.step('Plan', 'plan', {
      assign: { planned: '{% $states.result.Payload.planned %}', round: '{% $round + 1 %}' },
    });
    plan.addCatch(failed);

    const apply = this.step('Apply', 'apply', {
      payload: { planned: '{% $planned %}', round: '{% $round %}' },
      assign: { expires_in_s: '{% $states.result.Payload.expires_in_s %}' },
    });
    apply.addCatch(failed);

    const decided = new Choice(this, 'Approved?')
      .when(Condition.jsonata(`{% $decision = '${stepDecisions.approved}' %}`), plan)
      .otherwise(notify);
    const expired = this.step('Expire', 'expire', {
      assign: { decision: '{% $states.result.Payload.decision %}' },
    });

    expired.addCatch(failed);
    expired.next(
      new Choice(this, 'Approved after all?')
        .when(Condition.jsonata(`{% $decision = '${stepDecisions.approved}' %}`), plan)
        .otherwise(done),
    );

    const approval = this.approval();
    approval.addCatch(expired, { errors: ['States.Timeout'] });
    approval.addCatch(failed);
    approval.next(decided);

    const next = (decision: string) =>
      Condition.jsonata(`{% $states.input.decision = '${decision}' %}`);
    apply.next(
      new Choice(this, 'Applied?')
        .when(next(stepDecisions.replan), plan)
        .when(next(stepDecisions.require_approval), approval)
        .otherwise(notify),
    );

    const asked = new Choice(this, 'Ask a reviewer?')
      .when(Condition.jsonata(`{% $decision = '${stepDecisions.require_approval}' %}`), approval)
      .otherwise(apply);
    const compose = this.composeEach(composeQueue);

    compose.addCatch(failed);
    compose.next(asked);

    plan.next(compose);
    const allowed = new Choice(this, 'Refused?')
      .when(Condition.jsonata(`{% $decision = '${stepDecisions.refused}' %}`), done)
      .otherwise(plan);

    const check = this.step('Check', 'check', {
      assign: {
        decision: '{% $states.result.Payload.decision %}',
        expires_in_s: '{% $states.result.Payload.expires_in_s %}',
        round: '{% 0 %}',
      },
    });

    check.addCatch(failed);
    check.next(allowed);
    return check;
  }

  /** A task that runs one step of functions/promote and passes its result on. */
  private step(
    id: string,
    step: OperationStep['step'],
    {
      payload = {},
      assign = {},
    }: { payload?: Record<string, string>; assign?: Record<string, string> } = {},
  ): LambdaInvoke {
    const task = LambdaInvoke.jsonata(this, id, {
      lambdaFunction: this.promote.lambda,
      payload: TaskInput.fromObject({ step, ...operation, ...payload }),
      outputs: '{% $states.result.Payload %}',
      assign,
      retryOnServiceExceptions: false,
    });
    return withRetry(task);
  }

  private composeEach(queue: StageQueue): MapState {
    const send = SqsSendMessage.jsonata(this, 'Compose', {
      queue: queue.queue,
      integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
      taskTimeout: Timeout.duration(Duration.minutes(10)),
      messageBody: TaskInput.fromObject({
        v: stages.compose.queue.version,
        ...operation,
        template_id: '{% $states.input.template_id %}',
        track: '{% $states.input.track %}',
        task_token: '{% $states.context.Task.Token %}',
      }),
    });
    // The message of a lost worker stays hidden for longer than this task waits.
    send.addRetry({ errors: [Errors.TIMEOUT], maxAttempts: 1 });

    return MapState.jsonata(this, 'Compose affected templates', {
      items: ProvideItems.jsonata('{% $states.input.template_tracks %}'),
      itemSelector: {
        template_id: '{% $states.context.Map.Item.Value.template_id %}',
        track: '{% $states.context.Map.Item.Value.track %}',
      },
      maxConcurrency: 10,
      outputs: {},
    }).itemProcessor(send);
  }

  private approval(): LambdaInvoke {
    const task = LambdaInvoke.jsonata(this, 'Await approval', {
      lambdaFunction: this.promote.lambda,
      integrationPattern: IntegrationPattern.WAIT_FOR_TASK_TOKEN,
      payload: TaskInput.fromObject({
        step: 'await_approval',
        ...operation,
        task_token: '{% $states.context.Task.Token %}',
      }),
      taskTimeout: Timeout.jsonata('{% $expires_in_s %}'),
      assign: { decision: '{% $states.result.decision %}' },
      retryOnServiceExceptions: false,
    });
    return withRetry(task);
  }

  /**
   * Records the reason. Only an error of the platform leaves a failed execution, which raises an
   * alarm.
   */
  private failure(): IChainable {
    const fail = LambdaInvoke.jsonata(this, 'Record failure', {
      lambdaFunction: this.promote.lambda,
      payload: TaskInput.fromObject({
        step: 'fail',
        ...operation,
        error: '{% $states.input.Error %}',
        cause: "{% $exists($states.input.Cause) ? $substring($states.input.Cause, 0, 2000) : '' %}",
      }),
      outputs: '{% $states.result.Payload %}',
      retryOnServiceExceptions: false,
    });

    withRetry(fail);
    fail.next(
      new Choice(this, 'Expected?')
        .when(
          Condition.jsonata('{% $states.input.expected = true %}'),
          new Succeed(this, 'Ended with an answer'),
        )
        .otherwise(new Fail(this, 'Failed', { error: 'operation_failed' })),
    );

    return fail;
  }

  private acknowledgeWildcards(): void {
    const { stateMachine, promote } = this;
    acknowledgeWildcard(
      stateMachine,
      '*',
      "Step Functions' log delivery and X-Ray actions know no resource.",
    );

    acknowledgeWildcard(
      stateMachine,
      `${attribute(promote.lambda, 'Arn')}:*`,
      'The CDK grants the versions of a function with it.',
    );
  }
}

const operation = {
  account: '{% $states.context.Execution.Input.account %}',
  operation_id: '{% $states.context.Execution.Input.operation_id %}',
  correlation_id: '{% $states.context.Execution.Input.correlation_id %}',
};

function withRetry(task: LambdaInvoke): LambdaInvoke {
  task.addRetry({
    errors: serviceErrors,
    interval: Duration.seconds(2),
    backoffRate: 2,
    maxAttempts: 6,
    maxDelay: Duration.minutes(1),
    jitterStrategy: JitterType.FULL,
  });
  return task;
}
