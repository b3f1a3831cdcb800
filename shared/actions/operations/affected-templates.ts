import { mapAtOnce } from '../../base/concurrency.ts';
import { GantryError } from '../../base/error.ts';
import { sha256Hex } from '../../base/ids.ts';
import { limits } from '../../base/limits/index.ts';
import { compositionFields } from '../../domain/modules/index.ts';
import type { Change, Operation } from '../../domain/operations/index.ts';
import { type Track, tracks } from '../../domain/templates/index.ts';
import { templatesConsidering } from '../../store/compose/index.ts';
import type { Write } from '../../store/db.ts';
import { eachInstanceOf, getInstance } from '../../store/machines/index.ts';
import { getModule, getVersion } from '../../store/modules/index.ts';
import {
  assignmentsOf,
  bumpTemplate,
  getTemplate,
  holdTemplate,
} from '../../store/templates/index.ts';
import { commonAccount, providedBy } from '../compose/index.ts';
import { nowIso, type Services } from '../context/index.ts';

/** A template and the track whose composition a change may alter. */
export interface TemplateTrack {
  account: string;
  template_id: string;
  track: Track;
}

interface TemplateKey {
  account: string;
  template_id: string;
}

/** The templates whose compositions a change may alter: they are composed again once it is applied. */
export async function affectedTemplates(
  services: Services,
  { account, change }: Pick<Operation, 'account' | 'change'>,
): Promise<TemplateTrack[]> {
  switch (change.kind) {
    case 'promote_version':
    case 'change_reservations':
    case 'update_module':
      return withTracks(services, await templatesUsing(services, account, change));
    case 'assign_module':
    case 'update_assignment':
    case 'remove_assignment':
      return withTracks(services, [{ account, template_id: change.template_id }]);
    case 'update_instance':
      return change.track === undefined ? [] : templateOfInstance(services, account, change);
    case 'resume_quarantine':
    case 'change_policy':
      return [];
  }
}

interface PlannedTemplate {
  template_id: string;
  revision: number;
}

/** What a change must be checked against before it is applied: templates and tracks to compose, and their revisions. */
export interface Plan {
  template_tracks: Omit<TemplateTrack, 'account'>[];
  /** Sorted by id. */
  planned: PlannedTemplate[];
}

const noTemplates: Plan = { template_tracks: [], planned: [] };

/**
 * The own templates that a change affects, and that of a machine whose metadata changes. Another account's templates
 * follow what this account makes live; they cannot hold it up.
 */
export async function planOf(services: Services, operation: Operation): Promise<Plan> {
  const { account, change } = operation;
  // Whom a module trusts changes no composition: nothing that cannot be composed may hold up the removal of a signer.
  if (change.kind === 'update_module' && !compositionFields.some((field) => field in change.set))
    return noTemplates;
  const affected =
    change.kind === 'update_instance' &&
    (change.metadata !== undefined || change.track !== undefined)
      ? await templateOfInstance(services, account, change)
      : await affectedTemplates(services, operation);
  const own = affected.filter((one) => one.account === account);
  const ids = [...new Set(own.map(({ template_id }) => template_id))].sort();
  const planned = await mapAtOnce(ids, limits.storeReadsAtOnce, async (template_id) => {
    const template = await getTemplate(services.db, account, template_id);
    if (template === null)
      throw new GantryError('not_found', `expected template ${template_id}, found none`);
    return { template_id, revision: template.revision };
  });
  const template_tracks = own.map(({ template_id, track }) => ({ template_id, track }));
  if (template_tracks.length <= limits.templateTracksMax) return { template_tracks, planned };
  throw new GantryError(
    'change_too_wide',
    `expected a change to affect at most ${limits.templateTracksMax} tracks of templates, found ${template_tracks.length}`,
    { expected: limits.templateTracksMax, found: template_tracks.length },
  );
}

/** Names a plan's templates as they stood: what travels through the execution in their stead. */
export function digestOf(planned: readonly PlannedTemplate[]): string {
  return sha256Hex(
    JSON.stringify(planned.map(({ template_id, revision }) => [template_id, revision])),
  );
}

/**
 * Lets a change through only while the templates stand as they did when it was checked, and has every other change that
 * was checked meanwhile be checked again: of two that only together cannot be composed, one fails. More templates than fit
 * a transaction are not held: what slips through then is told when they are composed.
 */
export function planWrites(
  services: Services,
  { account, change }: Operation,
  planned: PlannedTemplate[],
): Write[] {
  if (planned.length > limits.plannedTemplatesMax) return [];
  return planned.map(({ template_id, revision }) =>
    change.kind === 'update_instance'
      ? holdTemplate(account, template_id, revision)
      : bumpTemplate(account, template_id, revision, nowIso(services)),
  );
}

async function templateOfInstance(
  services: Services,
  account: string,
  change: Extract<Change, { kind: 'update_instance' }>,
): Promise<TemplateTrack[]> {
  const instance = await getInstance(services.db, account, change.instance_id);
  if (instance === null) return [];
  return [{ account, template_id: instance.template_id, track: change.track ?? instance.track }];
}

/**
 * Templates that the module is assigned to, or that were composed after a look at it or at what a promoted version
 * provides, in any account that the change concerns.
 */
async function templatesUsing(
  services: Services,
  account: string,
  change: Extract<Change, { kind: 'promote_version' | 'change_reservations' | 'update_module' }>,
): Promise<TemplateKey[]> {
  const version =
    change.kind === 'promote_version'
      ? await getVersion(services.db, account, change.version_id)
      : null;
  const names = [change.module, ...(version === null ? [] : providedBy(version))].map(
    (name) => `${account}/${name}`,
  );
  const rows: TemplateKey[][] = await Promise.all([
    assignmentsOf(services.db, `${account}/${change.module}`),
    ...[...new Set(names)].map((name) => templatesConsidering(services.db, name)),
  ]);
  const found = new Map(rows.flat().map((row) => [`${row.account}/${row.template_id}`, row]));
  const others = await concernsOthers(services, account, change);
  return [...found.values()].filter((row) => others || row.account === account);
}

/**
 * What is merely staging, and what is private, concerns its own account alone: whoever names another's private module must
 * not even hear that something happens to it. Reservations of one account do not count in another, but for `powernode`'s.
 */
async function concernsOthers(
  services: Services,
  account: string,
  change: Extract<Change, { kind: 'promote_version' | 'change_reservations' | 'update_module' }>,
): Promise<boolean> {
  if (change.kind === 'update_module') {
    // By the time that it is told it may be private already: those who had it must hear of that.
    if (change.set.visibility !== undefined) return true;
  } else if (
    change.kind === 'promote_version' ? change.to === 'staging' : account !== commonAccount
  )
    return false;
  return (await getModule(services.db, account, change.module))?.visibility === 'public';
}

async function withTracks(services: Services, templates: TemplateKey[]): Promise<TemplateTrack[]> {
  const all = await mapAtOnce(
    templates,
    limits.storeReadsAtOnce,
    async ({ account, template_id }): Promise<TemplateTrack[]> => {
      const followed = (await hasStaging(services, account, template_id))
        ? tracks
        : (['live'] as const);
      return followed.map((track) => ({ account, template_id, track }));
    },
  );
  return all.flat();
}

async function hasStaging(
  { db }: Services,
  account: string,
  template_id: string,
): Promise<boolean> {
  for await (const { track } of eachInstanceOf(db, account, template_id))
    if (track === 'staging') return true;
  return false;
}
