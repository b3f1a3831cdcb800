import { mapConcurrently } from '../../base/concurrency.ts';
import { GantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import type { Operation } from '../../domain/operations/index.ts';
import type { Write } from '../../store/table/index.ts';
import { bumpTemplate, holdTemplate } from '../../store/templates/index.ts';
import type { Services } from '../context/index.ts';
import { requireTemplate } from '../templates/index.ts';
import { findAffected, type TemplateTrack } from './affected-templates.ts';
import type { Affected } from './changes/change-kind.ts';
import { kindOf } from './changes/index.ts';

export interface PlannedTemplate {
  template_id: string;
  revision: number;
  /**
   * True if the changes alter the template, so that every other change that was checked against it
   * is checked again.
   */
  altered: boolean;
}

/**
 * The templates and tracks, with their revisions, that changes are checked against before they are
 * applied.
 */
export interface TemplatePlan {
  template_tracks: Omit<TemplateTrack, 'account'>[];
  /** Sorted by id. */
  planned: PlannedTemplate[];
}

/**
 * The templates of the operation's account that it affects. Templates of other accounts are
 * composed afterwards and cannot delay the operation. Throws `change_too_wide` past
 * `limits.templateTracksMax`.
 */
export async function planTemplates(
  services: Services,
  { account, changes }: Pick<Operation, 'account' | 'changes'>,
): Promise<TemplatePlan> {
  const affected = changes.map((change) => kindOf(change).tried(change, account));
  const { template_tracks, altered } = await findOwn(services, account, affected);

  const planned = await mapConcurrently(
    [...altered.keys()].sort(),
    limits.storeReadsAtOnce,
    async (template_id) => {
      const { revision } = await requireTemplate(services, account, template_id);
      return { template_id, revision, altered: altered.get(template_id) === true };
    },
  );

  return { template_tracks, planned };
}

/** The templates and tracks that reviewers see as affected. Throws `change_too_wide`. */
export async function reviewedTracks(
  services: Services,
  { account, changes }: Pick<Operation, 'account' | 'changes'>,
): Promise<TemplatePlan['template_tracks']> {
  const affected = changes.map((change) => {
    const kind = kindOf(change);
    return (kind.reviewed ?? kind.tried)(change, account);
  });
  return (await findOwn(services, account, affected)).template_tracks;
}

/** The account's own templates among those affected, and whether the changes alter each. */
async function findOwn(
  services: Services,
  account: string,
  affected: readonly Affected[],
): Promise<Pick<TemplatePlan, 'template_tracks'> & { altered: Map<string, boolean> }> {
  const tracks = new Map<string, TemplatePlan['template_tracks'][number]>();
  const altered = new Map<string, boolean>();

  for (const one of affected) {
    for (const { account: owner, template_id, track } of await findAffected(
      services,
      account,
      one,
    )) {
      if (owner !== account) continue;
      tracks.set(`${template_id}/${track}`, { template_id, track });
      // A change of a machine alters no template.
      altered.set(template_id, altered.get(template_id) === true || one.of !== 'instance');
    }
  }

  refuseTooWide(tracks.size);
  return { template_tracks: [...tracks.values()], altered };
}

function refuseTooWide(found: number): void {
  const expected = limits.templateTracksMax;
  if (found <= expected) return;

  throw new GantryError(
    'change_too_wide',
    `expected a change to affect at most ${expected} tracks of templates, found ${found}`,
    { expected, found },
  );
}

/**
 * Hashes the templates of a plan with their revisions. The execution carries this digest, because
 * the list may be too long.
 */
export function digestOf(
  planned: readonly Pick<PlannedTemplate, 'template_id' | 'revision'>[],
): string {
  return sha256Hex(
    JSON.stringify(planned.map(({ template_id, revision }) => [template_id, revision])),
  );
}

/**
 * The writes that apply an operation only if its templates are unchanged since the check. They make
 * every other operation that was checked meanwhile check again, so one of two that do not compose
 * together fails. One change may affect more templates than fit in a transaction: they are not
 * held, and compose records a failure there. Several changes get `change_too_wide` instead, because
 * they can be requested in parts.
 * @param room how many writes the transaction has left
 * @param changes how many changes the operation has
 */
export function planWrites(
  account: string,
  planned: readonly PlannedTemplate[],
  { at, room, changes }: { at: string; room: number; changes: number },
): Write[] {
  const expected = Math.min(room, limits.plannedTemplatesMax);
  const found = planned.length;

  if (found > expected) {
    if (changes === 1) return [];
    throw new GantryError(
      'change_too_wide',
      `expected the ${changes} changes of one operation to affect at most ${expected} templates, found ${found}; ` +
        'request them in several operations',
      { expected, found },
    );
  }

  return planned.map(({ template_id, revision, altered }) =>
    altered
      ? bumpTemplate(account, template_id, revision, at)
      : holdTemplate(account, template_id, revision),
  );
}
