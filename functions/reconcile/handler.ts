import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { reconcileInstance } from '../../shared/actions/reconcile/index.ts';
import { queueHandler, telemetryOf } from '../../shared/aws/stage.ts';
import { reconcileMessage } from '../../shared/contract/messages.ts';

const services = servicesFromEnvironment();

/** Reconcile: signs the desired state of one instance a message. */
export const handler = queueHandler(
  telemetryOf('reconcile'),
  'Reconcile',
  reconcileMessage,
  (message) => reconcileInstance(services, message),
);
