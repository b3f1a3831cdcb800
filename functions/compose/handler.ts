import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { composeTemplate } from '../../shared/actions/compose/index.ts';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { queueHandler, telemetryOf } from '../../shared/aws/stage.ts';
import { composeMessage } from '../../shared/contract/messages.ts';

const services = servicesFromEnvironment('RECONCILE_QUEUE_URL');
const telemetry = telemetryOf('compose');

/** Compose: makes one template's composition for one track a message. */
export const handler = queueHandler(telemetry, 'Compose', composeMessage, async (message) => {
  const failure = await composeTemplate(services, message);
  if (failure === null) return;
  const { template_id, track, code } = failure;
  telemetry.logger.warn(failure.message, { template_id, track, code });
  telemetry.metrics.addMetric('CompositionsRefused', MetricUnit.Count, 1);
});
