import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { pollRepository, schedulePolls } from '../../shared/actions/poll/index.ts';
import { orLater } from '../../shared/actions/registries/index.ts';
import { stageHandler, telemetryOf } from '../../shared/aws/stage.ts';

const services = servicesFromEnvironment('poll');

/**
 * Poll: the schedule sends the due repositories to the queue; a message is one repository to read.
 */
export const handler = stageHandler(telemetryOf('poll'), services, {
  message: (message) => orLater(services, 'poll', message, () => pollRepository(services, message)),
  schedule: () => schedulePolls(services),
});
