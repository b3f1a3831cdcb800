import type { DriftReport } from '../../shared/domain/machines/index.ts';

/** What a machine does, in words, by how it drifted. */
export const driftReasons: Record<DriftReport['reason'], string> = {
  none: 'runs what it should',
  modules: 'runs other modules than it should',
  composition: 'runs another composition of the same modules',
  never_reported: 'never reported',
  silent: 'has not reported for hours',
  refused: 'refused its desired state',
  no_desired_state: 'has no desired state yet',
};
