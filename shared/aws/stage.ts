import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { ChangeMessageVisibilityCommand } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { GantryError } from '../base/error.ts';
import { makeLogger } from '../base/log.ts';
import { addLogKeys, type LogKeys, logKeys, withLogKeys } from '../base/log-context.ts';
import { environment } from '../contract/environment.ts';
import { capitalize, type Messages, type QueueName, readMessage } from '../contract/queues.ts';
import { metricDimensions, metricNamespace, type StageName, stages } from '../contract/stages.ts';
import type { Aws } from './clients.ts';
import { annotate, traceWork } from './tracing.ts';

/** The log and metrics of a stage; one for each function. */
export interface Telemetry<Name extends StageName = StageName> {
  stage: Name;
  logger: ReturnType<typeof makeLogger>;
  metrics: Metrics;
}

export function telemetryOf<Name extends StageName>(stage: Name): Telemetry<Name> {
  const { DEPLOYMENT_NAME } = environment('DEPLOYMENT_NAME');
  const { service, ...defaultDimensions } = metricDimensions(stage, DEPLOYMENT_NAME);

  return {
    stage,
    logger: makeLogger(stage),
    metrics: new Metrics({ namespace: metricNamespace, serviceName: service, defaultDimensions }),
  };
}

/** Of a message, what its log lines and its trace name. Tokens and plans stay out. */
const namingKeys = [
  'account',
  'module',
  'version_id',
  'template_id',
  'track',
  'instance_id',
  'operation_id',
  'step',
] as const;

/** The fields of a message or step by which people look for it in the logs. */
export function namesOf(message: object): LogKeys {
  const fields: LogKeys = { ...message };
  return Object.fromEntries(
    namingKeys.flatMap((key) => (fields[key] === undefined ? [] : [[key, fields[key]]])),
  );
}

/**
 * Runs one piece of a stage's work: in a trace subsegment, counted as `<Work>Done` or
 * `<Work>Failed`, with one log line at its end. That line has the keys given here and those that
 * the work adds, the duration, and as outcome the string that the work returns, or `done`. Refusals
 * (GantryError) are warnings with their code: they are results. Anything else is an error.
 */
export async function runWork<T>(
  { stage, logger, metrics }: Telemetry,
  { work: name = capitalize(stage), keys = {} }: { work?: string; keys?: LogKeys },
  work: () => Promise<T>,
): Promise<T> {
  const started = performance.now();
  const duration_ms = () => Math.round(performance.now() - started);

  return withLogKeys(keys, async () => {
    try {
      const result = await traceWork(name, logKeys(), work);
      metrics.addMetric(`${name}Done`, MetricUnit.Count, 1);
      metrics.addMetric(`${name}Time`, MetricUnit.Milliseconds, performance.now() - started);

      const outcome = typeof result === 'string' ? result : 'done';
      logger.info(`${stage} finished`, { outcome, duration_ms: duration_ms() });
      return result;
    } catch (error) {
      metrics.addMetric(`${name}Failed`, MetricUnit.Count, 1);
      if (error instanceof GantryError) {
        const facts = { outcome: 'refused', code: error.code, duration_ms: duration_ms() };
        logger.warn(error.message, facts);
      } else {
        const facts = { outcome: 'failed', duration_ms: duration_ms(), error: error as Error };
        logger.error(`${stage} failed`, facts);
      }

      throw error;
    } finally {
      metrics.publishStoredMetrics();
    }
  });
}

/**
 * What every invocation begins with: lines name the request, the first call of a process counts as
 * a cold start.
 */
export function beginInvocation({ logger, metrics }: Telemetry, context: Context): void {
  logger.addContext(context);
  metrics.captureColdStartMetric(context.functionName);
}

/** What a queue handler needs of the services of its process. */
interface QueueAccess {
  aws: Pick<Aws, 'sqs'>;
  settings: { queueUrls: Record<QueueName, string> };
}

/**
 * The time after which a failed message is delivered again: what it read may have changed by then.
 */
export function retrySeconds(stage: QueueName): number {
  return stages[stage].timeoutSeconds + 30;
}

export interface StageWork<Name extends QueueName> {
  /** Handles one message; a string that it returns is the outcome in the log. */
  message: (message: Messages[Name]) => Promise<unknown>;
  /** Handles a call of the schedule, in stages that have one. */
  schedule?: () => Promise<unknown>;
}

/**
 * The handler of a stage with a queue. Every record's body is parsed once, and only failed records
 * are delivered again (partial batch responses). A body that cannot be parsed takes the same way,
 * which ends in the dead-letter queue.
 */
export function stageHandler<Name extends QueueName>(
  telemetry: Telemetry<Name>,
  services: QueueAccess,
  { message: handle, schedule }: StageWork<Name>,
): (event: SQSEvent | { 'detail-type': string }, context: Context) => Promise<unknown> {
  const { stage } = telemetry;
  const processor = new BatchProcessor(EventType.SQS);

  const handleRecord = async (record: SQSRecord): Promise<void> => {
    const keys = { correlation_id: record.messageId, message_id: record.messageId };
    try {
      await runWork(telemetry, { keys }, () => {
        const { message, correlation_id = record.messageId } = readMessage(stage, record.body);
        const names = { correlation_id, ...namesOf(message) };

        addLogKeys(names);
        annotate(names);
        return handle(message);
      });
    } catch (error) {
      await deliverSooner(telemetry, services, record);
      throw error;
    }
  };

  return async (event, context) => {
    beginInvocation(telemetry, context);
    if ('Records' in event) {
      const options = { context, throwOnFullBatchFailure: false };
      return (await processPartialResponse(
        event,
        handleRecord,
        processor,
        options,
      )) as SQSBatchResponse;
    }

    if (schedule === undefined) throw new GantryError('internal', `${stage} has no schedule`);
    return runWork(telemetry, { work: 'Schedule' }, schedule);
  };
}

/**
 * Shortens the wait of a failed message. The queue hides messages for long enough that a throttled
 * Lambda can take them later; one that failed need not wait for that.
 */
async function deliverSooner(
  { stage, logger }: Telemetry<QueueName>,
  { aws, settings }: QueueAccess,
  { receiptHandle, messageId }: SQSRecord,
): Promise<void> {
  const command = new ChangeMessageVisibilityCommand({
    QueueUrl: settings.queueUrls[stage],
    ReceiptHandle: receiptHandle,
    VisibilityTimeout: retrySeconds(stage),
  });
  try {
    await aws.sqs.send(command);
  } catch (error) {
    // It is delivered again anyhow, later.
    logger.warn('the wait for the next delivery stays long', {
      message_id: messageId,
      error: error as Error,
    });
  }
}
