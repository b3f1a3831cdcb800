import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { reconcileInstance } from '../../shared/actions/reconcile/index.ts';
import { stageHandler, telemetryOf } from '../../shared/aws/stage.ts';

const services = servicesFromEnvironment('reconcile');

/** Reconcile: a message is one instance whose desired state is made and signed. */
export const handler = stageHandler(telemetryOf('reconcile'), services, {
  message: (message) => reconcileInstance(services, message),
});
