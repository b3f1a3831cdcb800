import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Context, SQSEvent } from 'aws-lambda';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { orLater } from '../../shared/actions/registries/index.ts';
import {
  fanOut,
  reverifyVersion,
  scheduleReverification,
} from '../../shared/actions/reverify/index.ts';
import { queueHandler, telemetryOf, traced } from '../../shared/aws/stage.ts';
import { reverifyMessage } from '../../shared/contract/messages.ts';

const services = servicesFromEnvironment(
  'REVERIFY_QUEUE_URL',
  'COMPOSE_QUEUE_URL',
  'STATE_MACHINE_ARN',
);
const telemetry = telemetryOf('reverify');
const work = queueHandler(telemetry, 'Reverify', reverifyMessage, (message) =>
  orLater(services, 'reverify', message, async () => {
    const { account, version_id } = message;
    if (account === undefined || version_id === undefined) return fanOut(services, message);
    const outcome = await reverifyVersion(services, { account, version_id });
    if (outcome === null || outcome === 'verified') return;
    telemetry.logger.warn('does not verify any more', { account, version_id, outcome });
    if (outcome === 'held') telemetry.metrics.addMetric('QuarantinesHeld', MetricUnit.Count, 1);
  }),
);

/** Reverify: the schedule's event asks for every account; the queue's messages are versions to judge again. */
export async function handler(
  event: SQSEvent | { 'detail-type': string },
  context: Context,
): Promise<unknown> {
  if ('Records' in event) return work(event, context);
  return traced(telemetry, 'Schedule', () => scheduleReverification(services));
}
