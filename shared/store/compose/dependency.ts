import type { Dependency } from '../../domain/compose/index.ts';
import type { Track } from '../../domain/templates/index.ts';
import { type Db, entity, type Write } from '../table/index.ts';

/** In the template's partition, so that one consistent query reads those of a track. */
const dependencies = entity<Dependency>()({
  name: 'dependency',
  attributes: {
    account: 'text',
    template_id: 'text',
    track: 'text',
    module: 'text',
    approved_version_id: 'json',
    approved_by: 'json',
    proposal: 'json',
    rejected: 'json',
    revision: 'number',
    updated_at: 'text',
  },
  key: { pk: '${account}#template#${template_id}', sk: 'dependency#${track}#${module}' },
});

export function getDependency(
  db: Db,
  key: Pick<Dependency, 'account' | 'template_id' | 'track' | 'module'>,
): Promise<Dependency | null> {
  return dependencies.get(db, key);
}

/** The dependencies of a template, on every track or on one. */
export async function listDependencies(
  db: Db,
  account: string,
  template_id: string,
  track?: Track,
): Promise<Dependency[]> {
  const rows = await dependencies.all(db, 'primary', { account, template_id });
  return track === undefined ? rows : rows.filter((row) => row.track === track);
}

/** Removes a row, unless it changed since it was read. */
export function removeDependency(was: Dependency): Write {
  return dependencies.remove(was);
}

/** Puts a row in place of the one whose revision it has; 0 for none. */
export function putDependency(dependency: Dependency): Write {
  return dependencies.replace(dependency);
}
