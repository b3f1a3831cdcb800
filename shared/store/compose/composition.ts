import { GantryError } from '../../base/error.ts';
import type { TemplateComposition } from '../../domain/compose/index.ts';
import type { Track } from '../../domain/templates/index.ts';
import { absent, type Db, entity, type Write } from '../table/index.ts';

const compositions = entity<TemplateComposition>()({
  name: 'composition',
  attributes: {
    account: 'text',
    template_id: 'text',
    track: 'text',
    digest: 'text',
    report_key: 'text',
    image_key: 'text',
    image_sha256: 'text',
    image_size: 'number',
    modules: 'json',
    template_revision: 'number',
    revision: 'number',
    made_at: 'text',
  },
  key: { pk: '${account}#template#${template_id}', sk: 'composition#${track}' },
});

export function getComposition(
  db: Db,
  account: string,
  template_id: string,
  track: Track,
): Promise<TemplateComposition | null> {
  return compositions.get(db, { account, template_id, track });
}

/**
 * Puts a composition in place, if the one whose revision it has still is: any input that changed
 * since then was composed by another worker, which read the change.
 */
export function putComposition(composition: TemplateComposition): Write {
  return compositions.replace(
    composition,
    () => new GantryError('conflict', 'a newer composition is in place'),
  );
}

/** Belongs in the transaction that removes the template. */
export function removeComposition(account: string, template_id: string, track: Track): Write {
  return compositions.removeWhere({ account, template_id, track });
}

/**
 * Lets a transaction through only while the composition of this revision is in place; null for
 * none.
 */
export function holdComposition(
  account: string,
  template_id: string,
  track: Track,
  was: number | null,
): Write {
  return compositions.hold({ account, template_id, track }, { revision: was ?? absent });
}
