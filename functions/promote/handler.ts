import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { runOperationStep } from '../../shared/actions/operations/index.ts';
import { telemetryOf, traced } from '../../shared/aws/stage.ts';
import { GantryError } from '../../shared/base/error.ts';
import { promotionStep } from '../../shared/contract/messages.ts';

const services = servicesFromEnvironment(
  'COMPOSE_QUEUE_URL',
  'LINK_KEY_ID',
  'SENDER_ADDRESS',
  'PUBLIC_URL',
);
const telemetry = telemetryOf('promote');

/** Promote: one step of an operation's execution. A refusal's code becomes the name that Step Functions sees. */
export async function handler(event: unknown): Promise<unknown> {
  const step = promotionStep.parse(event);
  try {
    return await traced(telemetry, 'Promote', () => runOperationStep(services, step));
  } catch (error) {
    if (error instanceof GantryError) error.name = error.code;
    throw error;
  }
}
