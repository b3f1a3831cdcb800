import { servicesFromEnvironment } from '../../shared/actions/from-environment.ts';
import { reconcileInstance } from '../../shared/actions/reconcile-instance.ts';
import { queueHandler, telemetryOf } from '../../shared/aws/stage.ts';
import { reconcileMessage } from '../../shared/contract/messages.ts';

const services = servicesFromEnvironment();

/** Reconcile: signs the desired state of one instance a message. */
export const handler = queueHandler(telemetryOf('reconcile'), 'Reconcile', reconcileMessage, (message) =>
  reconcileInstance(services, message),
);
