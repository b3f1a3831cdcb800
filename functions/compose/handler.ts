import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { composeTemplate, tryComposition } from '../../shared/actions/compose/index.ts';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { proposeUpdates, viewsOfOperation } from '../../shared/actions/operations/index.ts';
import { stageHandler, telemetryOf } from '../../shared/aws/stage.ts';
import { addLogKeys } from '../../shared/base/log-context.ts';

const services = servicesFromEnvironment('compose');
const telemetry = telemetryOf('compose');

/** Compose: a message is one template to compose for one track. */
export const handler = stageHandler(telemetry, services, {
  message: async (message) => {
    const { task_token } = message;
    if (task_token !== undefined) {
      await tryComposition(services, { ...message, task_token }, viewsOfOperation);
      return 'tried';
    }

    const failure = await composeTemplate(services, message);
    await proposeUpdates(services, message);
    if (failure === null) return 'composed';

    const { template_id, track, code } = failure;
    telemetry.logger.warn(failure.message, { template_id, track, code });
    telemetry.metrics.addMetric('CompositionsRefused', MetricUnit.Count, 1);
    addLogKeys({ code });

    return 'refused';
  },
});
