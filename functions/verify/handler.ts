import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { orLater } from '../../shared/actions/registries/index.ts';
import { verifyCandidate } from '../../shared/actions/verify/index.ts';
import { queueHandler, telemetryOf } from '../../shared/aws/stage.ts';
import { versionMessage } from '../../shared/contract/messages.ts';

const services = servicesFromEnvironment('VERIFY_QUEUE_URL', 'INGEST_QUEUE_URL');

/** Verify: judges the signatures of one candidate a message. */
export const handler = queueHandler(telemetryOf('verify'), 'Verify', versionMessage, (message) =>
  orLater(services, 'verify', message, () => verifyCandidate(services, message)),
);
