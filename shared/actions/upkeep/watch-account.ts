import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import type { WatchMessage } from '../../contract/messages.ts';
import {
  type Finding,
  mailsOf,
  nextStep,
  type SensorName,
  type SensorSettings,
  sensorNames,
  sensors,
  type Warning,
  type WarningStep,
} from '../../domain/upkeep/index.ts';
import { eachAccount } from '../../store/accounts/index.ts';
import { transactUnlessRaced } from '../../store/table/index.ts';
import {
  createWarning,
  getSensorSettings,
  listWarnings,
  removeWarning,
  updateWarning,
  warningEvent,
} from '../../store/upkeep/index.ts';
import { enqueue, nowIso, type Services } from '../context/index.ts';
import { mailWarnings } from './mail-warnings.ts';
import { readerOf, type SensedReader } from './read-sensed.ts';

/** The result of one look at an account. */
export interface Watched {
  /** Warnings that people got, for the first time or again after a day. */
  warned: number;
  /** Those among them that say that Gantry cannot do its work. */
  blocked: number;
  cleared: number;
}

/** Sends every account to the queue of watch. Returns the number of accounts. */
export async function scheduleWatches(services: Services): Promise<number> {
  let accounts = 0;
  for await (const { slug } of eachAccount(services.db)) {
    await enqueue(services, 'watch', [{ account: slug }]);
    accounts += 1;
  }

  return accounts;
}

/**
 * Lets every sensor of an account judge its rows. A warning is a row, its event is written with it,
 * and the row says when people were warned: runs that repeat or overlap warn once a day. A sensor
 * whose rows cannot be read stops no other one and clears nothing.
 *
 * @throws AggregateError with what stopped sensors, after all others are done
 */
export async function watchAccount(
  services: Services,
  { account }: WatchMessage,
): Promise<Watched> {
  const [settings, open] = await Promise.all([
    getSensorSettings(services.db, account),
    listWarnings(services.db, account),
  ]);

  const read = readerOf(services, account);
  const judged = await Promise.allSettled(
    sensorNames.map((sensor) => judge(services, sensor, read)),
  );
  const faults = judged.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  const found = judged.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));

  const steps = found.flatMap((one) => stepsOf(services, one, { settings, open }));
  const done = await mapConcurrently(steps, limits.storeReadsAtOnce, (step) =>
    takeStep(services, account, step),
  );
  const taken = done.filter((step) => step !== null);
  const warned = taken.filter(({ verb }) => verb === 'warn');

  await mailWarnings(services, settings, {
    warned: warned.map(({ warning }) => warning),
    // What was judged again and is still so, and was mailed by nobody.
    overdue: open.filter(isStillFound(found)),
  });

  if (faults.length > 0)
    throw new AggregateError(faults, `${faults.length} sensors failed`, { cause: faults[0] });

  return {
    warned: warned.length,
    blocked: warned.filter(({ warning }) => sensors[warning.sensor].blocks).length,
    cleared: taken.length - warned.length,
  };
}

interface Judged {
  sensor: SensorName;
  /** By subject. */
  findings: ReadonlyMap<string, Finding>;
}

async function judge<Name extends SensorName>(
  services: Services,
  sensor: Name,
  read: SensedReader,
): Promise<Judged> {
  const now = services.now();
  const rows = await read(sensor);
  const findings = rows.map((row) => sensors[sensor].judge(row, now));

  return {
    sensor,
    findings: new Map(
      findings.filter((one) => one !== null).map((one) => [one.subject, one] as const),
    ),
  };
}

interface Step {
  sensor: SensorName;
  subject: string;
  was: Warning | null;
  step: WarningStep;
}

function stepsOf(
  services: Services,
  { sensor, findings }: Judged,
  { settings, open }: { settings: SensorSettings; open: readonly Warning[] },
): Step[] {
  const opened = new Map(
    open.filter((one) => one.sensor === sensor).map((one) => [one.subject, one] as const),
  );
  const as = { now: services.now(), mails: mailsOf(settings, sensor) };

  return [...new Set([...opened.keys(), ...findings.keys()])].flatMap((subject) => {
    const was = opened.get(subject) ?? null;
    const step = nextStep(was, findings.get(subject) ?? null, as);
    return step === null ? [] : [{ sensor, subject, was, step }];
  });
}

/**
 * Writes one step with its event. Returns what it did, or null where nobody has to hear of it:
 * another run was faster, or only what is shown changed.
 */
async function takeStep(
  services: Services,
  account: string,
  { sensor, subject, was, step }: Step,
): Promise<{ verb: 'warn' | 'clear'; warning: Warning } | null> {
  const { db } = services;
  const cause = { actor: 'gantry:watch', at: nowIso(services) };

  if (step.verb === 'refresh') {
    if (was !== null) await transactUnlessRaced(db, [updateWarning(was, step.set)]);
    return null;
  }

  if (step.verb === 'clear') {
    if (was === null) return null;
    const cleared = [removeWarning(was), warningEvent(was, cause, 'cleared', {})];
    return (await transactUnlessRaced(db, cleared)) ? { verb: 'clear', warning: was } : null;
  }

  const revision = (was?.revision ?? 0) + 1;
  const warning: Warning = { account, sensor, subject, ...step.set, revision };
  const { message, evidence } = warning;
  const written = await transactUnlessRaced(db, [
    was === null ? createWarning(warning) : updateWarning(was, step.set),
    warningEvent(warning, cause, 'raised', { message, evidence }),
  ]);

  return written ? { verb: 'warn', warning } : null;
}

function isStillFound(found: readonly Judged[]): (warning: Warning) => boolean {
  return ({ sensor, subject }) =>
    found.some((one) => one.sensor === sensor && one.findings.has(subject));
}
