import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Context, SQSEvent } from 'aws-lambda';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { collectObjects, scheduleCollections } from '../../shared/actions/upkeep/index.ts';
import { queueHandler, telemetryOf, traced } from '../../shared/aws/stage.ts';
import { collectMessage } from '../../shared/contract/messages.ts';

const services = servicesFromEnvironment('COLLECT_QUEUE_URL');
const telemetry = telemetryOf('collect');
const work = queueHandler(telemetry, 'Collect', collectMessage, async (message) => {
  const { objects, bytes } = await collectObjects(services, message);
  telemetry.logger.info('collected', { account: message.account, objects, bytes });
  telemetry.metrics.addMetric('CollectedObjects', MetricUnit.Count, objects);
  telemetry.metrics.addMetric('CollectedBytes', MetricUnit.Bytes, bytes);
});

/** Collect: the schedule's event asks for every account; the queue's messages are accounts whose unnamed objects go. */
export async function handler(
  event: SQSEvent | { 'detail-type': string },
  context: Context,
): Promise<unknown> {
  if ('Records' in event) return work(event, context);
  return traced(telemetry, 'Schedule', () => scheduleCollections(services));
}
