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
 * Trust: refreshes the public-good trust root. If the mirror cannot be reached, the next call asks
 * it again, and the metric of the days left shows if this lasts too long. A refused trust root is
 * an error, because no mirror serves one by accident.
 */
export async function handler(_: unknown, context: Context): Promise<unknown> {
  beginInvocation(telemetry, context);
  return runWork(telemetry, { work: 'TrustRoot' }, async () => {
    try {
      const refresh = await refreshTrustRoot(services);
      // The old and the new trust root may give different verdicts on the same signature.
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
