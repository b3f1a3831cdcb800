import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { continueCreation } from '../../shared/actions/accounts/index.ts';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { stageHandler, telemetryOf } from '../../shared/aws/stage.ts';
import { addLogKeys } from '../../shared/base/log-context.ts';

const services = servicesFromEnvironment('create');
const telemetry = telemetryOf('create');

/** Create: a message is one account whose next attempt is due. */
export const handler = stageHandler(telemetry, services, {
  message: async (message) => {
    const account = await continueCreation(services, message);
    if (account === null) return 'unchanged';

    const { state, code } = account;
    if (code !== null) addLogKeys({ code });
    if (state === 'failed') telemetry.metrics.addMetric('AccountsFailed', MetricUnit.Count, 1);
    return state;
  },
});
