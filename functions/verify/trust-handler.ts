import { MetricUnit } from '@aws-lambda-powertools/metrics';
import { enqueue, servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import {
  publicTrustRoot,
  refreshTrustRoot,
  trustRootDaysLeft,
} from '../../shared/actions/signatures/index.ts';
import { telemetryOf, traced } from '../../shared/aws/stage.ts';
import { isGantryError } from '../../shared/base/error.ts';

const services = servicesFromEnvironment('TRUST_ROOT_MIRROR', 'REVERIFY_QUEUE_URL');
const telemetry = telemetryOf('trust');

/**
 * Trust: refreshes the public-good trust root. A mirror that does not answer is asked again at the next time, and the days
 * that are left tell when that has lasted too long; what is refused ends in an error, since nobody serves it by accident.
 */
export async function handler(): Promise<unknown> {
  return traced(telemetry, 'TrustRoot', async () => {
    try {
      const refresh = await refreshTrustRoot(services);
      // What was verified by the one before may not be by this one, and the reverse.
      if (refresh.changed) await enqueue(services, 'reverify', [{}]);
      return refresh;
    } catch (error) {
      if (!isGantryError(error, 'trust_root_unreachable')) throw error;
      telemetry.logger.warn(error.message, { code: error.code });
      return { code: error.code };
    } finally {
      const left = trustRootDaysLeft(await publicTrustRoot(services), services.now());
      telemetry.metrics.addMetric('TrustRootDaysLeft', MetricUnit.NoUnit, left);
    }
  });
}
