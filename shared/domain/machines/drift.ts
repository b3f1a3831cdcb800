import { limits } from '../../base/limits/index.ts';
import type { Instance } from './instance.ts';

/**
 * `silent`: its last report is too old to count. `held`: the machine runs its desired state, and a
 * newer one cannot be made.
 */
export const driftReasons = [
  'none',
  'modules',
  'composition',
  'never_reported',
  'silent',
  'refused',
  'no_desired_state',
  'held',
] as const;

export interface ModuleDrift {
  module: string;
  desired: string | null;
  running: string | null;
}

export interface DriftReport {
  instance_id: string;
  drift: boolean;
  /** One row for each module that is desired or running; equal rows are no drift. */
  modules: ModuleDrift[];
  desired_composition: string | null;
  running_composition: string | null;
  /** Why, in one word. */
  reason: (typeof driftReasons)[number];
  message: string | null;
  reported_at: string | null;
}

/**
 * Compares the modules that a machine should run with those that it reports. A machine that never
 * reported, or not for `limits.agentSilentMs`, has drifted, because unknown means no.
 */
export function driftOf(instance: Instance, now: Date): DriftReport {
  const modules = moduleDrifts(instance);
  const report = instance.report;

  const reason = ((): DriftReport['reason'] => {
    if (instance.desired_version === 0) return 'no_desired_state';
    if (report === null) return 'never_reported';
    if (now.getTime() - Date.parse(report.at) > limits.agentSilentMs) return 'silent';
    if (report.status === 'refused') return 'refused';
    if (modules.some((row) => row.desired !== row.running)) return 'modules';
    if (report.composition_digest !== instance.desired_composition) return 'composition';
    if (instance.desired_error !== null) return 'held';

    return 'none';
  })();

  return {
    instance_id: instance.id,
    drift: reason !== 'none',
    modules,
    desired_composition: instance.desired_composition,
    running_composition: report?.composition_digest ?? null,
    reason,
    message:
      reason === 'held' ? (instance.desired_error?.message ?? null) : (report?.message ?? null),
    reported_at: report?.at ?? null,
  };
}

/** Each module that is desired, or running by the machine's last report. */
export function moduleDrifts(instance: Instance): ModuleDrift[] {
  const running = instance.report?.running_module_digests ?? {};
  const names = [
    ...new Set([...Object.keys(instance.desired_modules), ...Object.keys(running)]),
  ].sort();

  return names.map((module) => ({
    module,
    desired: ownValue(instance.desired_modules, module),
    running: ownValue(running, module),
  }));
}

/**
 * Agents may report any module name. The name `constructor` must not find the property that every
 * object inherits.
 */
function ownValue(digests: Record<string, string>, module: string): string | null {
  return Object.hasOwn(digests, module) ? (digests[module] ?? null) : null;
}
