import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { ingestCandidate } from '../../shared/actions/ingest/index.ts';
import { orLater } from '../../shared/actions/registries/index.ts';
import { queueHandler, telemetryOf } from '../../shared/aws/stage.ts';
import { versionMessage } from '../../shared/contract/messages.ts';

const services = servicesFromEnvironment('INGEST_QUEUE_URL');

/** Ingest: takes one verified candidate in a message. */
export const handler = queueHandler(telemetryOf('ingest'), 'Ingest', versionMessage, (message) =>
  orLater(services, 'ingest', message, () => ingestCandidate(services, message)),
);
