import type { Instance } from './template.ts';

export interface ModuleDrift {
  module: string;
  desired: string | null;
  running: string | null;
}

export interface DriftReport {
  instance_id: string;
  drift: boolean;
  /** One row a module that is desired or running; equal rows are not drift. */
  modules: ModuleDrift[];
  desired_composition: string | null;
  running_composition: string | null;
  /** Why, in one word: `none`, `modules`, `composition`, `never_reported`, `refused`, `no_desired_state`. */
  reason: 'none' | 'modules' | 'composition' | 'never_reported' | 'refused' | 'no_desired_state';
  message: string | null;
  reported_at: string | null;
}

/** What a machine should run against what it says it runs. A machine that never reported has drifted: unknown means no. */
export function driftOf(instance: Instance): DriftReport {
  const running = instance.report?.running_module_digests ?? {};
  const names = [...new Set([...Object.keys(instance.desired_modules), ...Object.keys(running)])].sort();
  const modules = names.map((module) => ({
    module,
    desired: ownValue(instance.desired_modules, module),
    running: ownValue(running, module),
  }));
  const report = instance.report;
  const reason = ((): DriftReport['reason'] => {
    if (instance.desired_version === 0) return 'no_desired_state';
    if (report === null) return 'never_reported';
    if (report.status === 'refused') return 'refused';
    if (modules.some((row) => row.desired !== row.running)) return 'modules';
    if (report.composition_digest !== instance.desired_composition) return 'composition';
    return 'none';
  })();
  return {
    instance_id: instance.id,
    drift: reason !== 'none',
    modules,
    desired_composition: instance.desired_composition,
    running_composition: report?.composition_digest ?? null,
    reason,
    message: report?.message ?? null,
    reported_at: report?.at ?? null,
  };
}

/** Agents name modules as they please: one called `constructor` must not find what every object inherits. */
function ownValue(digests: Record<string, string>, module: string): string | null {
  return Object.hasOwn(digests, module) ? (digests[module] ?? null) : null;
}
