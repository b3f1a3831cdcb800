import { servicesFromEnvironment } from '../../shared/actions/context/index.ts';
import { orLater } from '../../shared/actions/registries/index.ts';
import { verifyCandidate } from '../../shared/actions/verify/index.ts';
import { stageHandler, telemetryOf } from '../../shared/aws/stage.ts';

const services = servicesFromEnvironment('verify');

/** Verify: a message is one candidate whose signatures are verified. */
export const handler = stageHandler(telemetryOf('verify'), services, {
  message: (message) =>
    orLater(services, 'verify', message, () => verifyCandidate(services, message)),
});
