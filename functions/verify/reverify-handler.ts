import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { orLater } from '../../shared/actions/registries/index.ts';
import {
  fanOut,
  reverifyVersion,
  scheduleReverification,
} from '../../shared/actions/reverify/index.ts';
import { stageHandler, telemetryOf } from '../../shared/aws/stage.ts';
import type { ReverifyMessage } from '../../shared/contract/messages.ts';

const services = servicesFromEnvironment('reverify');
const telemetry = telemetryOf('reverify');

async function reverify(message: ReverifyMessage): Promise<string | undefined> {
  const { account, version_id, look = false } = message;
  if (account === undefined || version_id === undefined) {
    await fanOut(services, message);
    return 'fanned_out';
  }

  const outcome = await reverifyVersion(services, { account, version_id, look });
  if (outcome === 'held') telemetry.metrics.addMetric('QuarantinesHeld', MetricUnit.Count, 1);

  if (outcome !== null && outcome !== 'verified') {
    telemetry.logger.warn('the version fails verification now', { outcome });
  }

  return outcome ?? undefined;
}

/**
 * Reverify: the schedule sends every account to the queue. A message is one version to verify
 * again, or several to split.
 */
export const handler = stageHandler(telemetry, services, {
  message: (message) => orLater(services, 'reverify', message, () => reverify(message)),
  schedule: () => scheduleReverification(services),
});
