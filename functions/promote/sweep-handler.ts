import { spreadRotations } from '../../shared/actions/accounts/index.ts';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { sweepOperations } from '../../shared/actions/operations/index.ts';
import { scheduleResigns } from '../../shared/actions/reconcile/index.ts';
import { telemetryOf, traced } from '../../shared/aws/stage.ts';

const services = servicesFromEnvironment('STATE_MACHINE_ARN', 'RECONCILE_QUEUE_URL');
const telemetry = telemetryOf('sweep');

/** Sweep: starts operations again whose execution died, and has desired states signed again, at half of their life or by a new key. */
export async function handler(): Promise<unknown> {
  return traced(telemetry, 'Sweep', async () => ({
    operations: await sweepOperations(services),
    resigned: await scheduleResigns(services),
    rotated: await spreadRotations(services),
  }));
}
