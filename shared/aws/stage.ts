import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { Tracer } from '@aws-lambda-powertools/tracer';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import type { z } from 'zod';
import { GantryError } from '../base/error.ts';
import { makeLogger } from '../base/log.ts';

/** The log, metrics and traces of a stage; one a function. */
export interface Telemetry {
  logger: ReturnType<typeof makeLogger>;
  metrics: Metrics;
  tracer: Tracer;
}

export function telemetryOf(stage: string): Telemetry {
  return { logger: makeLogger(stage), metrics: new Metrics(), tracer: new Tracer() };
}

/**
 * Runs one piece of a stage's work inside a trace segment, counts it as `<Stage>Done` or `<Stage>Failed`, and logs what it
 * threw. Refusals (GantryError) are warnings: they are answers; anything else is an error.
 */
export async function traced<T>(
  telemetry: Telemetry,
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  const { logger, metrics, tracer } = telemetry;
  const parent = tracer.isTracingEnabled() ? tracer.getSegment() : undefined;
  const segment = parent?.addNewSubsegment(`## ${name}`);
  const started = performance.now();
  try {
    const result = await work();
    metrics.addMetric(`${name}Done`, MetricUnit.Count, 1);
    metrics.addMetric(`${name}Time`, MetricUnit.Milliseconds, performance.now() - started);
    return result;
  } catch (error) {
    metrics.addMetric(`${name}Failed`, MetricUnit.Count, 1);
    segment?.addError(error as Error);
    if (error instanceof GantryError) logger.warn(error.message, { code: error.code });
    else logger.error(`${name} failed`, error as Error);
    throw error;
  } finally {
    segment?.close();
    metrics.publishStoredMetrics();
  }
}

/**
 * A handler of a queue: every record's body is parsed once by `schema`, handed to `action`, and only the records that
 * failed come again (partial batch responses). A body that is not of the schema goes the same way to the dead letters.
 */
export function queueHandler<Schema extends z.ZodType>(
  telemetry: Telemetry,
  name: string,
  schema: Schema,
  action: (message: z.output<Schema>) => Promise<unknown>,
): (event: SQSEvent, context: Context) => Promise<SQSBatchResponse> {
  const processor = new BatchProcessor(EventType.SQS);
  const one = async (record: SQSRecord): Promise<void> => {
    await traced(telemetry, name, async () => {
      await action(schema.parse(JSON.parse(record.body)));
    });
  };
  return (event, context) =>
    processPartialResponse(event, one, processor, {
      context,
      throwOnFullBatchFailure: false,
    }) as Promise<SQSBatchResponse>;
}
