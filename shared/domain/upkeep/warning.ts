import type { FilterTests } from '../../base/filters.ts';
import { limits } from '../../base/limits/index.ts';
import type { Evidence } from './evidence.ts';
import { type Finding, type SensorName, sensorNames } from './sensor.ts';

/**
 * A warning that is open: one row per sensor and subject. It ends with its cause. The row says when
 * people were warned last, so that another run on the same day warns nobody again.
 */
export interface Warning {
  account: string;
  sensor: SensorName;
  subject: string;
  module: string | null;
  since: string;
  message: string;
  evidence: Evidence | null;
  first_warned_at: string;
  warned_at: string;
  /** When its mail is sent if nobody has sent it by then; null if none is due. */
  mail_due_at: string | null;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
}

/** The sensors of an account that mail its operators; all of them at first. */
export interface SensorSettings {
  account: string;
  mails: Partial<Record<SensorName, boolean>>;
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
}

/** Whether a sensor mails: until an operator says otherwise, it does. */
export function mailsOf({ mails }: Pick<SensorSettings, 'mails'>, sensor: SensorName): boolean {
  return mails[sensor] ?? true;
}

/** The filters of the list of warnings. */
export const warningFilters = {
  sensor: { kind: 'choice', choices: sensorNames, about: 'sensor' },
  module: { kind: 'text', about: 'module' },
  subject: { kind: 'text', about: 'subject, such as instance/<id>' },
} as const;

export const warningTests: FilterTests<Warning, typeof warningFilters> = {
  sensor: (row, sensor) => row.sensor === sensor,
  module: (row, module) => row.module === module,
  subject: (row, subject) => row.subject === subject,
};

export type WarningStep =
  /** People are warned: for the first time, or again after a day. */
  | { verb: 'warn'; set: Omit<Warning, 'account' | 'sensor' | 'subject' | 'revision'> }
  /** They know; what is shown changes. */
  | { verb: 'refresh'; set: Pick<Warning, 'message' | 'evidence'> }
  | { verb: 'clear' };

/**
 * What follows from what a sensor finds now about a subject, and from the warning that is open.
 * Null: nothing.
 * @param mails whether the sensor mails
 */
export function nextStep(
  was: Warning | null,
  found: Finding | null,
  { now, mails }: { now: Date; mails: boolean },
): WarningStep | null {
  if (found === null) return was === null ? null : { verb: 'clear' };

  const { module, since, message, evidence } = found;
  const at = now.toISOString();
  const due = was === null || now.getTime() - Date.parse(was.warned_at) >= limits.warningRepeatMs;

  if (due) {
    const first_warned_at = was?.first_warned_at ?? at;
    const mail_due_at = mails ? mailRetryAt(now) : null;
    const set = { module, since, message, evidence, first_warned_at, warned_at: at, mail_due_at };
    return { verb: 'warn', set };
  }

  return was.message === message ? null : { verb: 'refresh', set: { message, evidence } };
}

/** When a mail counts as lost that this run is about to send. */
export function mailRetryAt(now: Date): string {
  return new Date(now.getTime() + limits.warningMailRetryMs).toISOString();
}

/** The mail of an account's warnings: subject and lines. */
export function mailOfWarnings(warnings: readonly Pick<Warning, 'sensor' | 'message'>[]): {
  subject: string;
  text: string[];
} {
  const shown = warnings.slice(0, limits.warningsMailedMax);
  const rest = warnings.length - shown.length;
  const count = warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`;

  return {
    subject: count,
    text: [
      ...shown.flatMap(({ sensor, message }) => [message, `(${sensor})`, '']),
      ...(rest === 0 ? [] : [`${rest} more are not in this mail.`, '']),
      'All open warnings: gantry warning list',
      'To stop the mails of a sensor: gantry sensor set <sensor> --no-mail',
    ],
  };
}
