import type { z } from 'zod';
import type { driftAnswer } from '../../shared/contract/machines/index.ts';
import type { DriftReason, Standing } from '../../shared/domain/machines/index.ts';
import type { WithheldReason } from '../../shared/domain/modules/index.ts';
import type { ExitCode } from '../run.ts';
import { shortDigest, table } from './table.ts';

/** What each reason of a drift report says about a machine. */
export const driftReasons: Record<DriftReason, string> = {
  none: 'runs its desired state',
  repaired: 'had changed paths in its root, and repaired them',
  pending: 'has not looked since the last change',
  modules: 'runs other modules than its desired state',
  composition: 'runs another composition of the same modules',
  never_reported: 'never reported',
  silent: 'has not reported for three hours',
  refused: 'refused its desired state',
  no_desired_state: 'has no desired state yet',
  held: 'runs its desired state, and a newer one cannot be made',
};

/** The exit codes of the commands that compare machines: only an alarm is not 0. */
export const standingCodes: Record<Standing, ExitCode> = {
  in_sync: 0,
  pending: 0,
  drifted: 1,
  silent: 5,
};

/** Formats what a machine should run beside what it runs. */
export function formatModules(modules: z.output<typeof driftAnswer>['modules']): string {
  return table(
    ['MODULE', 'DESIRED', 'DIGEST', 'RUNNING', 'DIGEST', 'DIFFERS', 'WITHHELD'],
    modules.map((row) => [
      row.module,
      formatEqualVersions(row.desired_versions),
      shortDigest(row.desired),
      formatEqualVersions(row.running_versions),
      shortDigest(row.running),
      row.desired === row.running ? 'no' : 'yes',
      formatWithheldSides(row),
    ]),
    'No modules desired or running.',
  );
}

/** Says which of the two versions is withheld: it may be the one that the machine should leave. */
function formatWithheldSides({
  desired,
  running,
  desired_withheld,
  running_withheld,
}: z.output<typeof driftAnswer>['modules'][number]): string | null {
  if (desired === running) return formatWithheld(running_withheld);

  const sides = [
    ...(desired_withheld === null ? [] : [`desired ${formatWithheld(desired_withheld)}`]),
    ...(running_withheld === null ? [] : [`running ${formatWithheld(running_withheld)}`]),
  ];
  return sides.join(', ') || null;
}

export function formatWithheld(withheld: WithheldReason | null): string | null {
  return withheld === null ? null : `${withheld.kind}: ${withheld.reason}`;
}

/** Formats the versions that have one digest: those of equal content are one thing to a machine. */
export function formatEqualVersions(versions: readonly string[]): string | null {
  return versions.join(' = ') || null;
}
