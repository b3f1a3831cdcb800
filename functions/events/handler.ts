import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Context, DynamoDBStreamEvent } from 'aws-lambda';
import { publishEvents } from '../../shared/actions/upkeep/index.ts';
import { awsClients } from '../../shared/aws/clients.ts';
import { beginInvocation, runWork, telemetryOf } from '../../shared/aws/stage.ts';
import { addLogKeys } from '../../shared/base/log-context.ts';
import { environment } from '../../shared/contract/environment.ts';

const { EVENT_BUS_NAME } = environment('EVENT_BUS_NAME');
const { events } = awsClients();
const telemetry = telemetryOf('events');

/** Events: sends stored events to the bus, in the order of the table's stream. */
export async function handler(event: DynamoDBStreamEvent, context: Context): Promise<void> {
  beginInvocation(telemetry, context);
  await runWork(telemetry, {}, async () => {
    const published = await publishEvents(events, EVENT_BUS_NAME, event.Records);
    addLogKeys({ published: published.length });

    const reused = published.filter(({ type }) => type === 'gantry.instance.credential_reused');
    if (reused.length > 0)
      telemetry.metrics.addMetric('CredentialsReused', MetricUnit.Count, reused.length);
  });
}
