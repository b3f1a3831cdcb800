import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import {
  ingestCandidate,
  renewFileIndexes,
  scheduleIndexRenewals,
} from '../../shared/actions/ingest/index.ts';
import { orLater } from '../../shared/actions/registries/index.ts';
import { stageHandler, telemetryOf } from '../../shared/aws/stage.ts';

const services = servicesFromEnvironment('ingest');

/**
 * Ingest: a message is one verified candidate to copy and check, or one version whose file indexes
 * have an older format. The schedule finds these versions.
 */
export const handler = stageHandler(telemetryOf('ingest'), services, {
  message: (message) =>
    message.reindex === true
      ? renewFileIndexes(services, message)
      : orLater(services, 'ingest', message, () => ingestCandidate(services, message)),
  schedule: () => scheduleIndexRenewals(services),
});
