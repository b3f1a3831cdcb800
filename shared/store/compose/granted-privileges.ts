import type { GrantedPrivileges } from '../../domain/compose/index.ts';
import type { Track } from '../../domain/templates/index.ts';
import { type Db, entity, type Write } from '../table/index.ts';

/** In the template's partition, beside its dependencies. */
const grants = entity<GrantedPrivileges>()({
  name: 'privileges',
  attributes: {
    account: 'text',
    template_id: 'text',
    track: 'text',
    privileges: 'json',
    revision: 'number',
  },
  key: { pk: '${account}#template#${template_id}', sk: 'privileges#${track}' },
});

export function getGrantedPrivileges(
  db: Db,
  key: { account: string; template_id: string; track: Track },
): Promise<GrantedPrivileges | null> {
  return grants.get(db, key);
}

/** Puts a row in place of the one whose revision it has; 0 for none. */
export function putGrantedPrivileges(row: GrantedPrivileges): Write {
  return grants.replace(row);
}

/** Removes the row of a template that is gone. */
export function clearGrantedPrivileges(account: string, template_id: string, track: Track): Write {
  return grants.removeWhere({ account, template_id, track });
}
