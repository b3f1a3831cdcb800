import { cutText } from '../../base/cut-text.ts';
import { limits } from '../../base/limits/index.ts';
import type { CompositionFailure } from '../compose/index.ts';
import { driftOf, type Instance } from '../machines/index.ts';
import type { Version } from '../modules/index.ts';
import { withheldBy } from '../modules/index.ts';
import type { Approval } from '../operations/index.ts';
import type { Repository } from '../poll/index.ts';
import { type Evidence, formatEvidence } from './evidence.ts';

/** What a sensor found: something that waits for a person. */
export interface Finding {
  /** As in events: `version/ver_…`. */
  subject: string;
  /** The module that it is about; null if it is about none. */
  module: string | null;
  /** Since when the cause exists, ISO 8601. */
  since: string;
  /** What is wrong and what to do, for people. */
  message: string;
  /** Of a version; null for other subjects. */
  evidence: Evidence | null;
}

/** A version in staging with what people and machines did about it. */
export interface StagedVersion {
  version: Version;
  /** When an operator last requested something about it; null if nobody did. */
  requested_at: string | null;
  /** True while a request about it waits for a decision. */
  awaiting: boolean;
  evidence: Evidence;
}

export interface PolledModule {
  module: string;
  /** Since when a poll could have succeeded. */
  polled_since: string;
  poll: Repository | null;
}

/** The rows that each sensor judges. */
export interface SensorRows {
  module_promotion_sensor: StagedVersion;
  poll_sensor: PolledModule;
  approval_sensor: Approval;
  machine_sensor: Instance;
  template_sensor: CompositionFailure & { template: string };
  desired_state_sensor: Instance;
}

export type SensorName = keyof SensorRows;

interface Sensor<Row> {
  /** When it warns, for people. */
  warns: string;
  /** Whether Gantry itself cannot do its work, which is what the alarm `WorkBlocked` counts. */
  blocks: boolean;
  /** The finding about a row, or null if nothing is wrong. */
  judge: (row: Row, now: Date) => Finding | null;
}

/**
 * Every sensor: a pure judgement of one row at a time. A new one is an entry here, with the reader
 * of its rows in `actions/upkeep/read-sensed.ts`.
 */
export const sensors: { readonly [Name in SensorName]: Sensor<SensorRows[Name]> } = {
  module_promotion_sensor: {
    warns: 'a version has been in staging for a day without an action of an operator',
    blocks: false,
    judge: judgeStaged,
  },
  poll_sensor: {
    warns: 'no poll of a repository succeeded for an hour',
    blocks: true,
    judge: judgePoll,
  },
  approval_sensor: {
    warns: 'an approval expires within a day, or half of its life is over',
    blocks: false,
    judge: judgeApproval,
  },
  machine_sensor: {
    warns: 'a machine has not reported for three hours',
    blocks: false,
    judge: judgeMachine,
  },
  template_sensor: {
    warns: 'a template could not be composed for an hour',
    blocks: true,
    judge: judgeTemplate,
  },
  desired_state_sensor: {
    warns: 'no new desired state of a machine could be made for an hour',
    blocks: true,
    judge: judgeDesiredState,
  },
};

export const sensorNames = Object.keys(sensors) as [SensorName, ...SensorName[]];

function judgeStaged(row: StagedVersion, now: Date): Finding | null {
  const { version, evidence } = row;
  if (version.promotion_state !== 'staging' || row.awaiting) return null;
  // Somebody has looked at a version that is withheld.
  if (withheldBy(version) !== null) return null;

  const { state_changed_at, module, version_string } = version;
  const since = laterOf(state_changed_at, row.requested_at);
  if (ageOf(since, now) <= limits.stagingIdleMs) return null;

  const name = `${module}@${version_string}`;
  const next = evidence.suffices ? 'blessed' : 'blessed, or back with --to built';
  return {
    subject: `version/${version.id}`,
    module,
    since,
    message: `${name} is in staging and nobody has acted on it since ${since}. ${formatEvidence(evidence)} Next: gantry module promote ${name} --to ${next}`,
    evidence,
  };
}

function judgePoll({ module, polled_since, poll }: PolledModule, now: Date): Finding | null {
  const since = laterOf(polled_since, poll?.succeeded_at ?? null);
  if (ageOf(since, now) <= limits.pollSilentMs) return null;

  const why =
    poll === null || poll.code === null
      ? 'It was not polled: see the logs of poll.'
      : `The last error is ${poll.code}: ${quote(poll.message ?? '')}.`;
  return finding(`module/${module}`, since, {
    module,
    message: `No poll of the repository of ${module} succeeded since ${since}. ${why} Next: gantry module show ${module}`,
  });
}

function judgeApproval(approval: Approval, now: Date): Finding | null {
  const { id, state, created_at, expires_at, summary } = approval;
  const life = Date.parse(expires_at) - Date.parse(created_at);
  const left = Date.parse(expires_at) - now.getTime();
  const window = Math.min(limits.approvalExpiringMs, life / 2);
  if (state !== 'pending' || left <= 0 || left > window) return null;

  const since = new Date(Date.parse(expires_at) - window).toISOString();
  return finding(`approval/${id}`, since, {
    message: `The request "${quote(summary)}" expires at ${expires_at}. Next: gantry approval show ${id}`,
  });
}

function judgeMachine(instance: Instance, now: Date): Finding | null {
  if (instance.state !== 'enrolled' || driftOf(instance, now).standing !== 'silent') return null;

  const { id, name, report, updated_at } = instance;
  const since = report?.at ?? updated_at;
  return finding(`instance/${id}`, since, {
    message: `Machine ${name} has not reported since ${since}. Next: check that it is up and read the log of its agent`,
  });
}

function judgeTemplate(failure: SensorRows['template_sensor'], now: Date): Finding | null {
  const { template_id, template, track, since, code, message } = failure;
  if (ageOf(since, now) <= limits.faultOpenMs) return null;

  return finding(`template/${template_id}/${track}`, since, {
    message: `Template ${template} cannot be composed for track ${track} since ${since}: ${quote(message)} (${code}). Next: gantry template show ${template}`,
  });
}

function judgeDesiredState(instance: Instance, now: Date): Finding | null {
  const { id, name, state, desired_error } = instance;
  if (state === 'decommissioned' || desired_error === null) return null;

  const { since, code, message } = desired_error;
  if (ageOf(since, now) <= limits.faultOpenMs) return null;

  return finding(`instance/${id}`, since, {
    message: `Machine ${name} gets no new desired state since ${since}: ${quote(message)} (${code}). Next: gantry instance show ${name}`,
  });
}

function finding(
  subject: string,
  since: string,
  { message, module = null }: { message: string; module?: string | null },
): Finding {
  return { subject, module, since, message, evidence: null };
}

function quote(text: string): string {
  return cutText(text, limits.warningQuoteMax);
}

function ageOf(time: string, now: Date): number {
  return now.getTime() - Date.parse(time);
}

function laterOf(time: string, other: string | null): string {
  return other !== null && Date.parse(other) > Date.parse(time) ? other : time;
}
