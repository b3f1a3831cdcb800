import { isGantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { chooseVersion } from '../../composition/index.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import { judgeTrial } from '../../domain/compose/index.ts';
import {
  type Offer,
  type Suitability,
  suitability,
  withConflict,
} from '../../domain/machines/index.ts';
import { type Template, tracks } from '../../domain/templates/index.ts';
import { getCompositionFailure } from '../../store/compose/index.ts';
import { allVersions } from '../../store/modules/index.ts';
import { listTemplates, templatesWith } from '../../store/templates/index.ts';
import type { Services } from '../context/index.ts';
import { resolveModule } from '../modules/index.ts';
import { composedTracks } from './composed-tracks.ts';
import { previewChange } from './preview-change.ts';

/**
 * Whether each of a page of templates would take a module, judged by the rows and then by the same
 * trial as an assignment.
 */
export async function readSuitability(
  services: Services,
  { account: own }: Caller,
  module: string,
): Promise<{
  templates: (limit: number, after: string) => Promise<Template[]>;
  judge: (one: Template) => Promise<Suitability>;
}> {
  const { account, name, platforms: registered } = await resolveModule(services, own, module);
  const [versions, assigned] = await Promise.all([
    allVersions(services.db, account, name),
    templatesWith(services.db, own, `${account}/${name}`),
  ]);
  const usable = versions.filter(
    ({ promotion_state }) => account === own || promotion_state !== 'staging',
  );

  const offers = tracks.flatMap((track): Offer[] => {
    const version = chooseVersion(usable, track, null);
    if (version === null) return [];

    const { version_string, kind, builds } = version;
    const built = builds.map(({ platform }) => platform);
    return [{ track, version: version_string, kind, platforms: { registered, built } }];
  });

  return {
    templates: (limit, after) => listTemplates(services.db, own, limit, after),
    judge: async (template) => {
      const byRows = suitability(template, assigned.has(template.id), offers);
      return byRows.takes
        ? tryAssignment(services, template, `${account}/${name}`, byRows)
        : byRows;
    },
  };
}

/**
 * Composes a template with the module, on each track that is composed. One that is too large to
 * compose within a request is judged by the rows alone.
 */
async function tryAssignment(
  services: Services,
  { account, id: template_id }: Template,
  module: string,
  byRows: Suitability,
): Promise<Suitability> {
  const change = { kind: 'assignment_add', module } as const;
  const { effectsEntriesMax } = limits;

  for (const track of await composedTracks(services, account, template_id)) {
    try {
      const asked = { template_id, track, change };
      const { instances } = await previewChange(services, account, asked, effectsEntriesMax);
      const refused = instances.changed.find(({ error }) => error?.refuses)?.error ?? null;
      if (refused !== null) return withConflict(byRows, `${track}: ${refused.message}`);
    } catch (error) {
      if (!isGantryError(error)) throw error;
      if (error.code === 'composition_too_large') continue;
      const failure = await getCompositionFailure(services.db, account, template_id, track);
      const verdict = judgeTrial({ before: failure === null, after: false });
      if (verdict !== 'breaks') continue;
      return withConflict(byRows, `${track}: ${error.message} (${error.code})`);
    }
  }

  return byRows;
}
