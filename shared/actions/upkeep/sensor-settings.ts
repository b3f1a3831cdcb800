import { retryConflicts } from '../../base/retry-conflicts.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { mailsOf, type SensorName, sensorNames, sensors } from '../../domain/upkeep/index.ts';
import { transact } from '../../store/table/index.ts';
import {
  getSensorSettings,
  listWarnings,
  putSensorSettings,
  sensorEvent,
} from '../../store/upkeep/index.ts';
import { nowIso, type Services } from '../context/index.ts';

/** A sensor as an account has it. */
export interface AccountSensor {
  name: SensorName;
  warns: string;
  mails: boolean;
  open: number;
}

/** Every sensor with its settings and the number of its open warnings. */
export async function listSensors(services: Services, account: string): Promise<AccountSensor[]> {
  const [settings, open] = await Promise.all([
    getSensorSettings(services.db, account),
    listWarnings(services.db, account),
  ]);

  return sensorNames.map((name) => ({
    name,
    warns: sensors[name].warns,
    mails: mailsOf(settings, name),
    open: open.filter(({ sensor }) => sensor === name).length,
  }));
}

/** Changes whether a sensor mails the operators. The same again changes nothing. */
export async function setSensorMails(
  services: Services,
  { account, actor }: Caller,
  { sensor, mails }: { sensor: SensorName; mails: boolean },
): Promise<AccountSensor> {
  await retryConflicts(async () => {
    const was = await getSensorSettings(services.db, account);
    if (mailsOf(was, sensor) === mails) return;

    const cause = { actor, at: nowIso(services) };
    await transact(services.db, [
      putSensorSettings({ ...was, mails: { ...was.mails, [sensor]: mails } }),
      sensorEvent({ account, sensor }, cause, 'changed', { mails }),
    ]);
  });

  const all = await listSensors(services, account);
  const found = all.find(({ name }) => name === sensor);
  if (found === undefined) throw new Error(`expected a sensor ${sensor}`);
  return found;
}
