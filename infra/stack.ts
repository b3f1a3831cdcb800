import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { queueOutput } from '../shared/contract/queues.ts';
import { type Stage, stages as stageTable } from '../shared/contract/stages.ts';
import { Alarms } from './alarms.ts';
import { Events } from './events.ts';
import { grant } from './grants.ts';
import { Http } from './http.ts';
import { Keys } from './keys.ts';
import { Outside } from './outside.ts';
import { Promotion } from './promotion.ts';
import type { Settings } from './settings.ts';
import { StageFunction } from './stage-function.ts';
import { StageQueue } from './stage-queue.ts';
import { Storage } from './storage.ts';

export interface GantryStackProps extends StackProps {
  settings: Settings;
  /** The bundle of each function. */
  code: (stage: string) => Code;
  /** The table of stages; tests add their own to it. */
  stages?: Readonly<Record<string, Stage>>;
}

/**
 * All of Gantry in one stack: shared resources, the stages in flow order, the connections between
 * them, and alarms.
 */
export class GantryStack extends Stack {
  private readonly stages: Readonly<Record<string, Stage>>;

  constructor(scope: Construct, id: string, props: GantryStackProps) {
    super(scope, id, { description: 'Gantry: the module supply chain', ...props });
    const { settings, stages = stageTable } = props;
    const deployment = settings.environmentName;

    this.stages = stages;

    const storage = new Storage(this, 'Storage');
    const keys = new Keys(this, 'Keys', settings);
    const outside = new Outside(this, 'Outside', settings);
    const http = new Http(this, 'Http', settings);

    const functions = this.each(
      (name, stage) => new StageFunction(this, name, { stage, code: props.code(name), deployment }),
    );
    const queues = this.queues(functions);
    const promotion = new Promotion(this, 'Promotion', {
      promote: take(functions, 'promote'),
      composeQueue: take(queues, 'compose'),
    });

    this.connect(functions, queues, settings);
    const grantors = { storage, keys, outside, http, promotion };

    this.each((name, { grants = {} }) => grant(take(functions, name), grants, grantors));

    const events = new Events(this, 'Events', settings);
    events.feed(take(functions, 'events'), storage);
    http.serveBy(take(functions, 'api'));

    new Alarms(this, 'Alarms', {
      deadLetterQueues: {
        ...mapValues(queues, ({ deadLetterQueue }) => deadLetterQueue),
        events: events.deadLetterQueue,
      },
      queues: mapValues(queues, ({ queue }) => queue),
      functions,
      stages,
      promotion,
      http,
      alarmAddress: settings.alarmAddress,
      deployment,
    });

    this.output({
      DeploymentName: deployment,
      ApiUrl: http.api.apiEndpoint,
      ApiId: http.api.apiId,
      PublicUrl: http.publicUrl,
      TableName: storage.table.tableName,
      BucketName: storage.bucket.bucketName,
      StateMachineArn: promotion.stateMachine.stateMachineArn,
      EventBusName: events.bus.eventBusName,
      LinkKeyId: keys.linkKey.keyId,
    });

    for (const [name, { queue }] of Object.entries(queues))
      this.output({ [queueOutput(name)]: queue.queueUrl });
  }

  /** Each stage's queue, read by its function. */
  private queues(functions: Record<string, StageFunction>): Record<string, StageQueue> {
    const queues: Record<string, StageQueue> = {};
    this.each((name, { queue, timeoutSeconds }) => {
      if (queue === undefined) return;
      const reader = take(functions, name);
      queues[name] = new StageQueue(this, name, { reader, timeoutSeconds, facts: queue });
    });

    return queues;
  }

  /** Lets each stage send to the queues that it names, and adds the schedules of stages. */
  private connect(
    functions: Record<string, StageFunction>,
    queues: Record<string, StageQueue>,
    settings: Settings,
  ): void {
    this.each((name, { sends = [], schedule }) => {
      const stage = take(functions, name);
      for (const queue of sends) take(queues, queue).allowSend(stage);

      // A deployment that keeps the shipped trust root has no mirror.
      const idle = name === 'trust' && settings.trustRootMirror === 'none';
      if (schedule !== undefined && !idle) stage.runRegularly(schedule);
    });
  }

  private each<T>(make: (name: string, stage: Stage) => T): Record<string, T> {
    return mapValues(this.stages, (stage, name) => make(name, stage));
  }

  private output(outputs: Record<string, string>): void {
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}

function mapValues<T, U>(
  record: Readonly<Record<string, T>>,
  map: (value: T, name: string) => U,
): Record<string, U> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, map(value, name)]),
  );
}

function take<T>(record: Readonly<Record<string, T>>, name: string): T {
  const found = record[name];
  if (found === undefined) throw new RangeError(`expected "${name}" in the table of stages`);
  return found;
}
