import type { Version } from './version.ts';

type Candidate = Pick<
  Version,
  'id' | 'promotion_state' | 'was_live' | 'quarantined' | 'held' | 'state_changed_at'
>;

/** True if a rollback may make the version live again. */
export function canRollBackTo(version: Omit<Candidate, 'state_changed_at' | 'id'>): boolean {
  const { promotion_state, was_live, quarantined, held } = version;
  return was_live && promotion_state === 'blessed' && !quarantined && !held;
}

/**
 * The version that was live before: of those that a rollback may choose, the one that was
 * superseded last. Null if there is none.
 */
export function previousLive<V extends Candidate>(versions: readonly V[]): V | null {
  const usable = versions.filter((version) => canRollBackTo(version));
  return usable.reduce<V | null>(
    (last, one) => (last === null || one.state_changed_at > last.state_changed_at ? one : last),
    null,
  );
}
