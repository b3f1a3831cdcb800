import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import type { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { Alarms } from './alarms.ts';
import type { FunctionName } from './bundle.ts';
import { Events, everyDay, everyMinute, everySixHours } from './events.ts';
import { Http } from './http.ts';
import { Keys } from './keys.ts';
import type { Outputs } from './outputs.ts';
import { Outside } from './outside.ts';
import { Promotion } from './promotion.ts';
import type { Settings } from './settings.ts';
import { StageFunction } from './stage-function.ts';
import { StageQueue } from './stage-queue.ts';
import { Storage } from './storage.ts';

/** How long each function may take; a queue's visibility follows its reader's. */
const timeouts = {
  poll: Duration.minutes(2),
  verify: Duration.minutes(2),
  trust: Duration.minutes(2),
  reverify: Duration.minutes(2),
  // Lambda's longest: a layer of limits.layerBytesMax is streamed in one call.
  ingest: Duration.minutes(15),
  compose: Duration.minutes(5),
  reconcile: Duration.minutes(2),
  promote: Duration.minutes(1),
  sweep: Duration.minutes(1),
  // 100,000 objects take some minutes; past it the next delivery goes on.
  collect: Duration.minutes(15),
  events: Duration.minutes(1),
  // API Gateway gives up after 30 s.
  api: Duration.seconds(29),
};

export interface GantryStackProps extends StackProps {
  settings: Settings;
  /** The bundle of each function. */
  code: (name: FunctionName) => Code;
}

/** The whole of Gantry in one stack, in the order in which a module passes through it. */
export class GantryStack extends Stack {
  private readonly code: (name: FunctionName) => Code;
  private readonly deployment: string;

  constructor(scope: Construct, id: string, props: GantryStackProps) {
    super(scope, id, { description: 'Gantry: the module supply chain', ...props });
    const { settings } = props;
    this.code = props.code;
    this.deployment = settings.environmentName;

    const storage = new Storage(this, 'Storage');
    const keys = new Keys(this, 'Keys', settings);
    const outside = new Outside(this, 'Outside', settings);
    const http = new Http(this, 'Http', settings);
    const queues = {
      poll: this.queue('PollQueue', 'POLL_QUEUE_URL', timeouts.poll),
      verify: this.queue('VerifyQueue', 'VERIFY_QUEUE_URL', timeouts.verify),
      reverify: this.queue('ReverifyQueue', 'REVERIFY_QUEUE_URL', timeouts.reverify),
      ingest: this.queue('IngestQueue', 'INGEST_QUEUE_URL', timeouts.ingest),
      compose: this.queue('ComposeQueue', 'COMPOSE_QUEUE_URL', timeouts.compose),
      reconcile: this.queue('ReconcileQueue', 'RECONCILE_QUEUE_URL', timeouts.reconcile),
      collect: this.queue('CollectQueue', 'COLLECT_QUEUE_URL', timeouts.collect),
    };

    // Poll: once a minute the due repositories go to the queue, from which workers list their tags.
    const poll = this.stage('poll', 'Finds new tags in registries');
    everyMinute(poll);
    // One a call: a slow registry must hold up no other repository. More than any one host's budget lets work at once.
    queues.poll.feed(poll, { batchSize: 1, concurrency: 20 });
    queues.poll.allowSend(poll);
    queues.verify.allowSend(poll);
    storage.allowTable(poll);
    outside.allowRegistries(poll);

    const verify = this.stage(
      'verify',
      'Decides whether signatures satisfy the policy of a module',
    );
    queues.verify.feed(verify, { batchSize: 1, concurrency: 10 });
    queues.verify.allowSend(verify);
    queues.ingest.allowSend(verify);
    storage.allowTable(verify);
    storage.allowObjects(verify, { write: ['evidence'] });
    storage.allowTrustRoot(verify);
    outside.allowRegistries(verify);

    // Trust: the one function that fetches the public-good trust root, four times a day.
    const trust = this.stage('trust', 'Refreshes the public-good trust root through TUF');
    if (settings.trustRootMirror !== 'none') everySixHours(trust);
    storage.allowTrustRoot(trust, 'write');
    outside.allowTrustRootMirror(trust);
    queues.reverify.allowSend(trust);

    const ingest = this.stage('ingest', 'Copies and checks verified artifacts', 1769);
    queues.ingest.feed(ingest, { batchSize: 1, concurrency: 10 });
    queues.ingest.allowSend(ingest);
    queues.verify.allowSend(ingest);
    storage.allowTable(ingest);
    storage.allowTrustRoot(ingest);
    storage.allowObjects(ingest, { read: ['evidence'], write: ['artifacts', 'file-indexes'] });
    outside.allowRegistries(ingest);

    // Promote: one execution an operation; the sweep starts those again whose execution died.
    const promote = this.stage('promote', 'The steps of an operation');
    storage.allowTable(promote);
    queues.poll.allowSend(promote);
    queues.verify.allowSend(promote);
    queues.reverify.allowSend(promote);
    queues.compose.allowSend(promote);
    queues.reconcile.allowSend(promote);
    keys.allowMakeLinks(promote);
    outside.allowMail(promote);
    http.tell(promote);
    const promotion = new Promotion(this, 'Promotion', { promote, composeQueue: queues.compose });
    promotion.allowAnswer(promote);

    // Reverify: once a day, and when trust changed, what is handed out is judged again.
    const reverify = this.stage('reverify', 'Judges the signatures of versions again');
    everyDay(reverify);
    queues.reverify.feed(reverify, { batchSize: 1, concurrency: 5 });
    queues.reverify.allowSend(reverify);
    queues.compose.allowSend(reverify);
    storage.allowTable(reverify);
    storage.allowObjects(reverify, { write: ['evidence'] });
    storage.allowTrustRoot(reverify);
    outside.allowRegistries(reverify);
    promotion.allowStart(reverify);

    const sweep = this.stage('sweep', 'Revives operations whose execution died');
    everyMinute(sweep);
    storage.allowTable(sweep);
    promotion.allowStart(sweep);
    promotion.allowDescribe(sweep);
    promotion.allowAnswer(sweep);
    queues.reconcile.allowSend(sweep);

    const compose = this.stage('compose', 'Makes the composition of a template', 1769);
    queues.compose.feed(compose, { batchSize: 1, concurrency: 10 });
    queues.reconcile.allowSend(compose);
    storage.allowTable(compose);
    storage.allowObjects(compose, {
      // Compositions: how versions were found last time.
      read: ['file-indexes', 'artifacts', 'compositions'],
      write: ['images', 'compositions'],
    });
    promotion.allowAnswer(compose);

    const reconcile = this.stage('reconcile', 'Signs the desired state of instances');
    queues.reconcile.feed(reconcile, { batchSize: 5, concurrency: 10 });
    storage.allowTable(reconcile);
    storage.allowObjects(reconcile, {
      read: ['compositions', 'artifacts', 'desired-states'],
      write: ['desired-states'],
    });
    storage.allowTrustRoot(reconcile);
    keys.allowSignAsDirector(reconcile);

    // Collect: once a day each account goes to the queue; what no row of it names any more is deleted.
    const collect = this.stage('collect', 'Deletes objects that nothing names');
    everyDay(collect);
    queues.collect.feed(collect, { batchSize: 1, concurrency: 2 });
    queues.collect.allowSend(collect);
    storage.allowTable(collect, 'read');
    storage.allowObjects(collect, { read: ['compositions'] });
    storage.allowCollect(collect, [
      'images',
      'compositions',
      'artifacts',
      'file-indexes',
      'evidence',
    ]);

    const events = new Events(this, 'Events', settings);
    const carrier = this.stage('events', 'Carries stored events to the bus');
    events.feed(carrier, storage);

    const api = this.stage('api', 'HTTP API, pages and MCP');
    http.answerWith(api);
    http.tell(api);
    storage.allowTable(api);
    storage.allowObjects(api, {
      // What it reads itself, and what it presigns for agents.
      read: [
        'artifacts',
        'evidence',
        'file-indexes',
        'images',
        'compositions',
        'desired-states',
        'roots',
      ],
      write: ['roots'],
    });
    queues.poll.allowSend(api);
    queues.verify.allowSend(api);
    queues.compose.allowSend(api);
    queues.reconcile.allowSend(api);
    promotion.allowStart(api);
    promotion.allowAnswer(api);
    keys.allowCheckLinks(api);
    keys.allowMakeDirectorKeys(api);
    keys.allowSignAsDirector(api);
    outside.allowHosts(api);
    outside.allowSecrets(api);

    new Alarms(this, 'Alarms', {
      deadLetterQueues: {
        poll: queues.poll.deadLetterQueue,
        verify: queues.verify.deadLetterQueue,
        reverify: queues.reverify.deadLetterQueue,
        ingest: queues.ingest.deadLetterQueue,
        compose: queues.compose.deadLetterQueue,
        reconcile: queues.reconcile.deadLetterQueue,
        collect: queues.collect.deadLetterQueue,
        events: events.deadLetterQueue,
      },
      functions: {
        poll,
        verify,
        trust,
        reverify,
        ingest,
        promote,
        sweep,
        compose,
        reconcile,
        collect,
        events: carrier,
        api,
      },
      promotion,
      http,
      alarmAddress: settings.alarmAddress,
    });

    this.tell({
      DeploymentName: settings.environmentName,
      ApiUrl: http.api.apiEndpoint,
      ApiId: http.api.apiId,
      PublicUrl: http.publicUrl,
      TableName: storage.table.tableName,
      BucketName: storage.bucket.bucketName,
      PollQueueUrl: queues.poll.queue.queueUrl,
      VerifyQueueUrl: queues.verify.queue.queueUrl,
      ReverifyQueueUrl: queues.reverify.queue.queueUrl,
      IngestQueueUrl: queues.ingest.queue.queueUrl,
      ComposeQueueUrl: queues.compose.queue.queueUrl,
      ReconcileQueueUrl: queues.reconcile.queue.queueUrl,
      CollectQueueUrl: queues.collect.queue.queueUrl,
      StateMachineArn: promotion.stateMachine.stateMachineArn,
      EventBusName: events.bus.eventBusName,
      LinkKeyId: keys.linkKey.keyId,
    });
  }

  private queue(
    id: string,
    variable: StageQueue['variable'],
    handlerTimeout: Duration,
  ): StageQueue {
    return new StageQueue(this, id, { variable, handlerTimeout });
  }

  private stage(name: FunctionName, description: string, memorySize?: number): StageFunction {
    const props = { description, code: this.code(name), timeout: timeouts[name] };
    const stage = new StageFunction(this, name, {
      ...props,
      ...(memorySize ? { memorySize } : {}),
    });
    stage.setEnvironment('DEPLOYMENT_NAME', this.deployment);
    return stage;
  }

  private tell(outputs: Record<keyof Outputs, string>): void {
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}
