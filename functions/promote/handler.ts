import type { Context } from 'aws-lambda';
import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { runOperationStep } from '../../shared/actions/operations/index.ts';
import { beginInvocation, namesOf, runWork, telemetryOf } from '../../shared/aws/stage.ts';
import { GantryError } from '../../shared/base/error.ts';
import { operationInput } from '../../shared/contract/operations/index.ts';

const services = servicesFromEnvironment('promote');
const telemetry = telemetryOf('promote');

/**
 * Promote: one step of an operation's execution. Step Functions sees the code of a refusal as the
 * error's name.
 */
export async function handler(event: unknown, context: Context): Promise<unknown> {
  beginInvocation(telemetry, context);
  const { correlation_id, ...step } = operationInput.parse(event);
  const keys = { correlation_id, ...namesOf(step) };

  try {
    return await runWork(telemetry, { keys }, () => runOperationStep(services, step));
  } catch (error) {
    if (error instanceof GantryError) error.name = error.code;
    throw error;
  }
}
