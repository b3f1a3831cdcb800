import type { CompositionFailure } from '../../domain/compose/index.ts';
import type { Track } from '../../domain/templates/index.ts';
import { type Db, entity, type Write } from '../table/index.ts';

const failures = entity<CompositionFailure>()({
  name: 'compositionfailure',
  attributes: {
    account: 'text',
    template_id: 'text',
    track: 'text',
    code: 'text',
    message: 'text',
    since: 'text',
  },
  key: { pk: '${account}#template#${template_id}', sk: 'composition-failure#${track}' },
});

export function getCompositionFailure(
  db: Db,
  account: string,
  template_id: string,
  track: Track,
): Promise<CompositionFailure | null> {
  return failures.get(db, { account, template_id, track });
}

/**
 * Belongs in a transaction with `holdComposition`: a failure that a newer composition cured must
 * not be noted.
 */
export function putCompositionFailure(failure: CompositionFailure): Write {
  return failures.put(failure);
}

/** Belongs in a transaction with the composition that cures it. */
export function clearCompositionFailure(account: string, template_id: string, track: Track): Write {
  return failures.removeWhere({ account, template_id, track });
}
