import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { scheduleWatches, watchAccount } from '../../shared/actions/upkeep/index.ts';
import { stageHandler, telemetryOf } from '../../shared/aws/stage.ts';
import { addLogKeys } from '../../shared/base/log-context.ts';

const services = servicesFromEnvironment('watch');
const telemetry = telemetryOf('watch');

/**
 * Watch: the schedule sends every account to the queue. A message is one account, whose sensors
 * judge what they see.
 */
export const handler = stageHandler(telemetry, services, {
  message: async (message) => {
    const { warned, blocked, cleared } = await watchAccount(services, message);
    addLogKeys({ warned, blocked, cleared });
    telemetry.metrics.addMetric('WarningsRaised', MetricUnit.Count, warned);
    telemetry.metrics.addMetric('WorkBlocked', MetricUnit.Count, blocked);
  },
  schedule: () => scheduleWatches(services),
});
