import type { Track } from '../templates/index.ts';
import type { DependencyMove } from './dependency-move.ts';
import type { Privilege } from './privilege.ts';

/** What composing a template with an operation found that reviewers must judge besides. */
export interface TrialFindings {
  account: string;
  operation_id: string;
  template_id: string;
  track: Track;
  /** The template is pinned to these versions once the operation is applied. */
  moves: DependencyMove[];
  /** Privileges that machines of the track do not give yet; absent in rows of older releases. */
  privileges?: Privilege[];
}

/** A move, and the tracks of templates that it concerns. */
export interface GroupedMove extends DependencyMove {
  places: Pick<TrialFindings, 'template_id' | 'track'>[];
}

/** The moves of all templates, each once, sorted by module. */
export function groupMoves(trials: readonly TrialFindings[]): GroupedMove[] {
  const groups = new Map<string, GroupedMove>();

  for (const { template_id, track, moves } of trials) {
    for (const move of moves) {
      const key = JSON.stringify([move.module, move.from_version_id, move.version_id]);
      const group = groups.get(key) ?? { ...move, places: [] };
      group.places.push({ template_id, track });
      groups.set(key, group);
    }
  }

  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => group);
}
