import { limits } from '../../base/limits/index.ts';
import type { InstanceReport } from '../machines/index.ts';

/** What machines say for a version. */
export interface Evidence {
  /** Machines that run it and report that they are healthy. */
  machines: number;
  /** Whole hours for which the best of them has reported it healthy without a break. */
  healthy_hours: number;
  /** Whether that is enough to promote it. */
  suffices: boolean;
}

/**
 * The evidence for a module's digests from the last reports of machines. It ends with the last
 * report of each: nobody knows what a machine did since then.
 */
export function evidenceFor(
  module: string,
  digests: ReadonlySet<string>,
  reports: readonly (InstanceReport | null)[],
): Evidence {
  const healthyMs = reports.flatMap((report) => {
    if (report === null || report.healthy_since === null) return [];

    const digest = ownEntry(report.running_module_digests, module);
    if (digest === undefined || !digests.has(digest)) return [];

    const since = ownEntry(report.healthy_since.newer, module) ?? report.healthy_since.all;
    return [Date.parse(report.at) - Date.parse(since)];
  });

  const longest = Math.max(0, ...healthyMs);
  return {
    machines: healthyMs.length,
    healthy_hours: Math.floor(longest / 3_600_000),
    suffices: healthyMs.length >= limits.evidenceMachinesMin && longest >= limits.evidenceHealthyMs,
  };
}

/** One sentence for people. */
export function formatEvidence({ machines, healthy_hours, suffices }: Evidence): string {
  if (machines === 0) return 'No machine reports it healthy: move one to track staging.';

  const run = machines === 1 ? '1 machine runs it healthy' : `${machines} machines run it healthy`;
  const enough = suffices ? 'that suffices to promote it' : 'that does not suffice yet';
  return `${run}, the longest for ${healthy_hours} h: ${enough}.`;
}

/** Agents may report any module name; one named `constructor` has no inherited value. */
function ownEntry(entries: Record<string, string>, name: string): string | undefined {
  return Object.hasOwn(entries, name) ? entries[name] : undefined;
}
