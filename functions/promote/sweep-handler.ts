import type { Context } from 'aws-lambda';
import { scheduleCreations, spreadRotations } from '../../shared/actions/accounts/index.ts';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { scheduleFirstComposes } from '../../shared/actions/machines/index.ts';
import { sendDueNotices, sweepOperations } from '../../shared/actions/operations/index.ts';
import { scheduleResigns } from '../../shared/actions/reconcile/index.ts';
import { beginInvocation, runWork, telemetryOf } from '../../shared/aws/stage.ts';
import { settleAll } from '../../shared/base/concurrency.ts';

const services = servicesFromEnvironment('sweep');
const telemetry = telemetryOf('sweep');

/**
 * Sweep: restarts operations whose execution died. It also requests that desired states are signed
 * again at half of their life, or by a new key, that accounts are tried again, and that templates
 * of new machines are composed. It sends notices that nobody mailed yet. Each part runs although
 * another fails; then the invocation fails.
 */
export async function handler(_: unknown, context: Context): Promise<unknown> {
  beginInvocation(telemetry, context);
  return runWork(telemetry, {}, async () => {
    const [operations, resigned, rotated, creations, composed, notices] = await settleAll([
      sweepOperations(services),
      scheduleResigns(services),
      spreadRotations(services),
      scheduleCreations(services),
      scheduleFirstComposes(services),
      sendDueNotices(services),
    ]);
    return { operations, resigned, rotated, creations, composed, notices };
  });
}
