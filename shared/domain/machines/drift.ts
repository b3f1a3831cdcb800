import { limits } from '../../base/limits/index.ts';
import { ownValue } from '../../base/own-value.ts';
import type { Instance, InstanceReport } from './instance.ts';

/**
 * `drifted`: the machine runs something else although it has looked, or refuses its desired state.
 * `pending`: it has not looked since the last change. `silent`: its last report is too old to
 * count.
 */
export const standings = ['in_sync', 'pending', 'drifted', 'silent'] as const;
export type Standing = (typeof standings)[number];

export const driftReasons = [
  'none',
  'repaired',
  'pending',
  'no_desired_state',
  'never_reported',
  'silent',
  'refused',
  'modules',
  'composition',
  'held',
] as const;
export type DriftReason = (typeof driftReasons)[number];

/**
 * What each reason means for an alarm: only `drifted` and `silent` need a person. `held`: the
 * machine runs its desired state, and a newer one cannot be made.
 */
const standingOf: Record<DriftReason, Standing> = {
  none: 'in_sync',
  repaired: 'in_sync',
  pending: 'pending',
  no_desired_state: 'pending',
  never_reported: 'pending',
  silent: 'silent',
  refused: 'drifted',
  modules: 'drifted',
  composition: 'drifted',
  held: 'drifted',
};

export interface ModuleDrift {
  module: string;
  desired: string | null;
  running: string | null;
}

export interface DriftReport {
  instance_id: string;
  standing: Standing;
  /** Whether the standing is `drifted`. */
  drift: boolean;
  /** One row for each module that is desired or running. */
  modules: ModuleDrift[];
  desired_composition: string | null;
  running_composition: string | null;
  /** Why, in one word. */
  reason: DriftReason;
  message: string | null;
  reported_at: string | null;
}

/** Compares what a machine should run with what it reports. */
export function driftOf(instance: Instance, now: Date): DriftReport {
  const { report } = instance;
  const reason = driftReasonOf(instance, now);
  const standing = standingOf[reason];

  return {
    instance_id: instance.id,
    standing,
    drift: standing === 'drifted',
    modules: moduleDrifts(instance),
    desired_composition: instance.desired_composition,
    running_composition: report?.composition_digest ?? null,
    reason,
    message:
      reason === 'held' ? (instance.desired_error?.message ?? null) : (report?.message ?? null),
    reported_at: report?.at ?? null,
  };
}

/** The fields of a machine that its standing follows from. */
export type DriftFacts = Pick<
  Instance,
  | 'state'
  | 'desired_version'
  | 'desired_signed_at'
  | 'desired_composition'
  | 'desired_modules'
  | 'desired_error'
  | 'report'
  | 'updated_at'
>;

/** The first rule that applies is the reason. A refusal stays one until the machine says more. */
function driftReasonOf(facts: DriftFacts, now: Date): DriftReason {
  const { report } = facts;
  if (facts.desired_version === 0) return 'no_desired_state';
  if (report === null) return isOverdue(facts, now) ? 'silent' : 'never_reported';
  if (since(report.at, now) > limits.agentSilentMs) return 'silent';
  if (report.status === 'refused') return 'refused';
  if (isPending(facts, report, now)) return 'pending';
  if (isRepaired(report)) return 'repaired';
  if (moduleDrifts(facts).some((row) => row.desired !== row.running)) return 'modules';
  if (report.composition_digest !== facts.desired_composition) return 'composition';
  if (facts.desired_error !== null) return 'held';

  return 'none';
}

/** A machine that nobody enrolled owes no report. An enrolled one does, from its enrolment on. */
function isOverdue({ state, updated_at }: DriftFacts, now: Date): boolean {
  return state !== 'awaiting_enrolment' && since(updated_at, now) > limits.agentSilentMs;
}

/**
 * A machine that reported after the signing has looked, unless the two crossed or it still fetches
 * the new content: it gets `limits.agentPendingMs` for both.
 */
function isPending(
  { desired_version, desired_signed_at }: DriftFacts,
  report: InstanceReport,
  now: Date,
): boolean {
  if (report.desired_state_version >= desired_version || desired_signed_at === null) return false;
  return report.at <= desired_signed_at || since(desired_signed_at, now) <= limits.agentPendingMs;
}

/**
 * The agent names the paths that were wrong, and leaves their modules out of this one report. With
 * this status it has laid the root out again; otherwise the status is `refused`.
 */
function isRepaired({ status, code }: InstanceReport): boolean {
  return status === 'applied' && code === 'root_tampered';
}

function since(time: string, now: Date): number {
  return now.getTime() - Date.parse(time);
}

/** Each module that is desired, or running by the machine's last report. */
export function moduleDrifts({
  desired_modules,
  report,
}: Pick<Instance, 'desired_modules' | 'report'>): ModuleDrift[] {
  const running = report?.running_module_digests ?? {};
  const names = [...new Set([...Object.keys(desired_modules), ...Object.keys(running)])].sort();

  return names.map((module) => ({
    module,
    desired: ownValue(desired_modules, module) ?? null,
    running: ownValue(running, module) ?? null,
  }));
}
