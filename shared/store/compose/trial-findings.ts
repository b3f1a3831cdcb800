import type { TrialFindings } from '../../domain/compose/index.ts';
import type { Track } from '../../domain/templates/index.ts';
import { type Db, entity, type Write } from '../table/index.ts';

/** In the operation's partition, so that one consistent query reads those of all templates. */
const trials = entity<TrialFindings>()({
  name: 'trial',
  attributes: {
    account: 'text',
    operation_id: 'text',
    template_id: 'text',
    track: 'text',
    moves: 'json',
    privileges: 'optional',
  },
  key: { pk: '${account}#operation#${operation_id}', sk: 'trial#${template_id}#${track}' },
});

export function getTrialFindings(
  db: Db,
  key: { account: string; operation_id: string; template_id: string; track: Track },
): Promise<TrialFindings | null> {
  return trials.get(db, key);
}

/** The findings of each template that was composed with an operation. */
export function listTrialFindings(
  db: Db,
  account: string,
  operation_id: string,
): Promise<TrialFindings[]> {
  return trials.all(db, 'primary', { account, operation_id });
}

/** Belongs in a transaction with `holdOperation`: what reviewers saw must not change. */
export function putTrialFindings(trial: TrialFindings): Write {
  return trials.put(trial);
}
