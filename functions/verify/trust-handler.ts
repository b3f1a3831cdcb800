import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { Context } from 'aws-lambda';
import { enqueue, servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import {
  publicTrustRoot,
  refreshTrustRoot,
  trustRootDaysLeft,
} from '../../shared/actions/signatures/index.ts';
import { beginInvocation, runWork, telemetryOf } from '../../shared/aws/stage.ts';
import { isGantryError } from '../../shared/base/error.ts';

const services = servicesFromEnvironment('trust');
const telemetry = telemetryOf('trust');

/**
 * Trust: refreshes the public-good trust root. A mirror that cannot be reached is asked again at
 * the next call; the metric of the days left shows when that lasts too long. A refused trust root
 * is an error: no mirror serves one by accident.
 */
export async function handler(_: unknown, context: Context): Promise<unknown> {
  beginInvocation(telemetry, context);
  return runWork(telemetry, { work: 'TrustRoot' }, async () => {
    try {
      const refresh = await refreshTrustRoot(services);
      // The old root and the new one may judge the same signature differently.
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
