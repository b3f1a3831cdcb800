import type { TrialMoves } from '../../domain/compose/index.ts';
import type { Track } from '../../domain/templates/index.ts';
import { type Db, entity, type Write } from '../table/index.ts';

/** In the operation's partition, so that one consistent query reads those of all templates. */
const trials = entity<TrialMoves>()({
  name: 'trial',
  attributes: {
    account: 'text',
    operation_id: 'text',
    template_id: 'text',
    track: 'text',
    moves: 'json',
  },
  key: { pk: '${account}#operation#${operation_id}', sk: 'trial#${template_id}#${track}' },
});

export function getTrialMoves(
  db: Db,
  key: { account: string; operation_id: string; template_id: string; track: Track },
): Promise<TrialMoves | null> {
  return trials.get(db, key);
}

/** The moves of each template that was composed with an operation. */
export function listTrialMoves(
  db: Db,
  account: string,
  operation_id: string,
): Promise<TrialMoves[]> {
  return trials.all(db, 'primary', { account, operation_id });
}

/** Belongs in a transaction with `holdOperation`: what reviewers saw must not change. */
export function putTrialMoves(trial: TrialMoves): Write {
  return trials.put(trial);
}
