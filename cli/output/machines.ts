import type { DriftReport } from '../../shared/domain/machines/index.ts';
import { shortDigest, table } from './table.ts';

/** What each reason of a drift report says about a machine. */
export const driftReasons: Record<DriftReport['reason'], string> = {
  none: 'runs its desired state',
  modules: 'runs other modules than its desired state',
  composition: 'runs another composition of the same modules',
  never_reported: 'never reported',
  silent: 'has not reported for hours',
  refused: 'refused its desired state',
  no_desired_state: 'has no desired state yet',
  held: 'runs its desired state, and a newer one cannot be made',
};

/** Formats what a machine should run beside what it runs. */
export function formatModules(
  modules: { module: string; desired: string | null; running: string | null }[],
): string {
  return table(
    ['MODULE', 'DESIRED', 'RUNNING', 'DRIFT'],
    modules.map(({ module, desired, running }) => [
      module,
      shortDigest(desired),
      shortDigest(running),
      desired === running ? 'no' : 'yes',
    ]),
    'No modules desired or running.',
  );
}
