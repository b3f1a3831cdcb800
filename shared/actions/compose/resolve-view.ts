import { type Resolution, resolve } from '../../composition/index.ts';
import {
  type LayerName,
  pinsOf,
  presenceOf,
  type ResolutionRecord,
  type TemplateView,
} from '../../domain/compose/index.ts';
import type { Track } from '../../domain/templates/index.ts';
import { listDependencies } from '../../store/compose/index.ts';
import type { Services } from '../context/index.ts';
import {
  type Choice,
  type KnownModules,
  providedBy,
  readModules,
  requirementsOf,
} from './known-modules.ts';

export interface ResolveOptions {
  track: Track;
  /** How the versions were resolved last time. */
  previous: ResolutionRecord | null;
  /**
   * Gets the considered modules before anything is made of them. Where it returns true, they are
   * read once more.
   */
  note?: (modules: readonly LayerName[]) => Promise<boolean>;
  /**
   * True to resolve as if every version of other accounts' modules were let through, which says
   * what to propose.
   */
  unpinned?: true;
  /**
   * True where the account changed nothing since the composition in place: see `ReadingOptions`.
   */
  closed?: boolean;
}

export interface ResolvedView {
  modules: KnownModules;
  resolved: Resolution<Choice>;
  /** The record of `resolved`, with the updates that it knew. */
  resolution: ResolutionRecord;
  /** What other accounts' modules stay at. */
  pins: ReadonlyMap<LayerName, string>;
  warnings: string[];
}

/** Chooses the versions of a view for a track. Throws the coded errors of `resolve`. */
export async function resolveView(
  services: Services,
  view: TemplateView,
  { track, previous, note, unpinned, closed = false }: ResolveOptions,
): Promise<ResolvedView> {
  const approved = await approvedOf(services, view, track);
  const pins = pinsOf(view.template.account, previous, approved);
  const reading = { track, previous, pins: unpinned ? new Map() : pins, closed };

  let modules = await readModules(services, view, reading);
  while (await note?.([...modules.known.keys()]))
    modules = await readModules(services, view, reading);

  const { resolved, warnings } = resolveModules(view, modules, track, previous);
  return { modules, resolved, resolution: withApproved(resolved.record, approved), pins, warnings };
}

function resolveModules(
  view: TemplateView,
  { known, providers }: KnownModules,
  track: Track,
  previous: ResolutionRecord | null,
): { resolved: Resolution<Choice>; warnings: string[] } {
  const warnings: string[] = [];
  const assigned = view.assignments.filter(({ module }) => {
    const one = known.get(module);
    const presence = presenceOf({
      choices: one?.choices.length ?? 0,
      inPlace: previous?.modules[module] !== undefined,
      keptOut: one?.keptOut ?? false,
      givenUp: one?.givenUp ?? false,
    });
    if (presence === 'offered' || presence === 'lost') return true;

    warnings.push(`${module} ${leftOut[presence](track)} and is left out`);
    return false;
  });

  const resolved = resolve<Choice>({
    account: view.template.account,
    assigned,
    available: (module) => known.get(module)?.choices ?? null,
    requires: (choice) => requirementsOf(choice.of),
    provides: (choice) => providedBy(choice.of),
    providers: (capability, account) => providers.get(`${account}/${capability}`) ?? [],
    previous,
  });

  return { resolved, warnings };
}

const leftOut = {
  never_there: (track: Track) => `has no version for track ${track}`,
  kept_out: (track: Track) =>
    `has its first version for track ${track}, which a change of this template must let in,`,
  given_up: (track: Track) => `was withdrawn, has no version for track ${track}`,
};

/**
 * The last version of each module that an update let through for a track, as the view has it. Once
 * the composition in place knows an update, that composition is the pin.
 */
async function approvedOf(
  { db }: Services,
  { template: { account, id }, approved }: TemplateView,
  track: Track,
): Promise<Map<LayerName, string>> {
  const found = new Map<LayerName, string>();
  for (const { module, approved_version_id } of await listDependencies(db, account, id, track))
    if (approved_version_id !== null) found.set(module, approved_version_id);

  for (const [place, version_id] of approved) {
    if (place.startsWith(`${track}/`)) found.set(place.slice(track.length + 1), version_id);
  }

  return found;
}

function withApproved(
  record: ResolutionRecord,
  approved: ReadonlyMap<LayerName, string>,
): ResolutionRecord {
  const { approved: _, ...rest } = record;
  return approved.size === 0
    ? rest
    : { ...rest, approved: Object.fromEntries([...approved].sort()) };
}
