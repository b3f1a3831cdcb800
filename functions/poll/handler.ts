import type { Context, SQSEvent } from 'aws-lambda';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { pollRepository, schedulePolls } from '../../shared/actions/poll/index.ts';
import { orLater } from '../../shared/actions/registries/index.ts';
import { queueHandler, telemetryOf, traced } from '../../shared/aws/stage.ts';
import { pollMessage } from '../../shared/contract/messages.ts';

const services = servicesFromEnvironment('POLL_QUEUE_URL', 'VERIFY_QUEUE_URL');
const telemetry = telemetryOf('poll');
const work = queueHandler(telemetry, 'Poll', pollMessage, (message) =>
  orLater(services, 'poll', message, () => pollRepository(services, message)),
);

/** Poll: the schedule's event hands out what is due; the queue's messages are repositories to read. */
export async function handler(
  event: SQSEvent | { 'detail-type': string },
  context: Context,
): Promise<unknown> {
  if ('Records' in event) return work(event, context);
  return traced(telemetry, 'Schedule', () => schedulePolls(services));
}
