import type { SensorName, Warning } from '../../domain/upkeep/index.ts';
import { eventMaker } from '../event-maker.ts';

/** The write of an event about a warning; its subject is what the warning is about. */
export const warningEvent = eventMaker(
  'warning',
  ({ account, sensor, subject, module, since }: Warning) => ({
    account,
    subject,
    data: { sensor, module, since },
  }),
);

/** The write of an event about the settings of a sensor. */
export const sensorEvent = eventMaker(
  'sensor',
  ({ account, sensor }: { account: string; sensor: SensorName }) => ({
    account,
    subject: `sensor/${sensor}`,
    data: {},
  }),
);
