import { composeTemplate } from '../../shared/actions/compose-template.ts';
import { servicesFromEnvironment } from '../../shared/actions/from-environment.ts';
import { queueHandler, telemetryOf } from '../../shared/aws/stage.ts';
import { composeMessage } from '../../shared/contract/messages.ts';

const services = servicesFromEnvironment('RECONCILE_QUEUE_URL');

/** Compose: makes one template's composition for one track a message. */
export const handler = queueHandler(telemetryOf('compose'), 'Compose', composeMessage, (message) =>
  composeTemplate(services, message),
);
