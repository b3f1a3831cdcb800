import { servicesFromEnvironment } from '../../shared/actions/from-environment.ts';
import { ingestCandidate } from '../../shared/actions/ingest-candidate.ts';
import { queueHandler, telemetryOf } from '../../shared/aws/stage.ts';
import { versionMessage } from '../../shared/contract/messages.ts';

const services = servicesFromEnvironment();

/** Ingest: takes one verified candidate in a message. */
export const handler = queueHandler(telemetryOf('ingest'), 'Ingest', versionMessage, (message) =>
  ingestCandidate(services, message),
);
