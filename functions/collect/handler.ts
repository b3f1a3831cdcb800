import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { collectObjects, scheduleCollections } from '../../shared/actions/upkeep/index.ts';
import { stageHandler, telemetryOf } from '../../shared/aws/stage.ts';
import { addLogKeys } from '../../shared/base/log-context.ts';

const services = servicesFromEnvironment('collect');
const telemetry = telemetryOf('collect');

/**
 * Collect: the schedule sends every account to the queue. A message is one account whose unnamed
 * objects are deleted.
 */
export const handler = stageHandler(telemetry, services, {
  message: async (message) => {
    const { objects, bytes } = await collectObjects(services, message);
    addLogKeys({ objects, bytes });
    telemetry.metrics.addMetric('CollectedObjects', MetricUnit.Count, objects);
    telemetry.metrics.addMetric('CollectedBytes', MetricUnit.Bytes, bytes);
  },
  schedule: () => scheduleCollections(services),
});
