import { servicesFromEnvironment } from '../../shared/actions/from-environment.ts';
import { orLater } from '../../shared/actions/host-budget.ts';
import { verifyCandidate } from '../../shared/actions/verify-candidate.ts';
import { queueHandler, telemetryOf } from '../../shared/aws/stage.ts';
import { versionMessage } from '../../shared/contract/messages.ts';

const services = servicesFromEnvironment('VERIFY_QUEUE_URL', 'INGEST_QUEUE_URL');

/** Verify: judges the signatures of one candidate a message. */
export const handler = queueHandler(telemetryOf('verify'), 'Verify', versionMessage, (message) =>
  orLater(services, 'verify', message, () => verifyCandidate(services, message)),
);
