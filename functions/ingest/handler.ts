import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { ingestCandidate } from '../../shared/actions/ingest/index.ts';
import { orLater } from '../../shared/actions/registries/index.ts';
import { stageHandler, telemetryOf } from '../../shared/aws/stage.ts';

const services = servicesFromEnvironment('ingest');

/** Ingest: a message is one verified candidate to copy and check. */
export const handler = stageHandler(telemetryOf('ingest'), services, {
  message: (message) =>
    orLater(services, 'ingest', message, () => ingestCandidate(services, message)),
});
