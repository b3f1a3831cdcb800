import type { SensorName, SensorSettings, Warning } from '../../domain/upkeep/index.ts';
import { type Db, type Draft, entity, type Write } from '../table/index.ts';

const warnings = entity<Warning>()({
  name: 'warning',
  attributes: {
    account: 'text',
    sensor: 'text',
    subject: 'text',
    module: 'json',
    since: 'text',
    message: 'text',
    evidence: 'json',
    first_warned_at: 'text',
    warned_at: 'text',
    mail_due_at: 'json',
    revision: 'number',
  },
  key: { pk: '${account}#warning#${sensor}#${subject}', sk: 'warning' },
  lists: { bySubject: { index: 'gsi1', pk: '${account}#warnings', sk: '${sensor}#${subject}' } },
});

const settings = entity<SensorSettings>()({
  name: 'sensors',
  attributes: { account: 'text', mails: 'json', revision: 'number' },
  key: { pk: '${account}#sensors', sk: 'sensors' },
});

/** The open warnings of an account, or those of one sensor, as the index has them. */
export function listWarnings(db: Db, account: string, sensor?: SensorName): Promise<Warning[]> {
  const range = sensor === undefined ? {} : { begins: `${sensor}#` };
  return warnings.all(db, 'bySubject', { account }, range);
}

/** The sensors that judge modules and their versions. */
const moduleSensors: readonly SensorName[] = ['module_promotion_sensor', 'poll_sensor'];

/** The open warnings about an account's modules, or about one of them. */
export async function listModuleWarnings(
  db: Db,
  account: string,
  module?: string,
): Promise<Warning[]> {
  const found = await Promise.all(moduleSensors.map((one) => listWarnings(db, account, one)));
  return found.flat().filter((one) => module === undefined || one.module === module);
}

/** Opens a warning; another run that opened it first gets the `conflict` of this one. */
export function createWarning(warning: Draft<Warning>): Write {
  return warnings.create(warning);
}

export function updateWarning(was: Warning, set: Partial<Draft<Warning>>): Write {
  return warnings.update(was, set);
}

export function removeWarning(was: Warning): Write {
  return warnings.remove(was);
}

/** Which sensors mail; revision 0 means that nobody has said so yet. */
export async function getSensorSettings(db: Db, account: string): Promise<SensorSettings> {
  return (await settings.get(db, { account })) ?? { account, mails: {}, revision: 0 };
}

export function putSensorSettings(next: SensorSettings): Write {
  return settings.replace(next);
}
