import { type Resolution, resolve } from '../../composition/index.ts';
import {
  type ApprovedVersion,
  type DependencyMove,
  findMoves,
  type LayerName,
  pinsOf,
  presenceOf,
  type ResolutionRecord,
  type TemplateView,
  withMoves,
} from '../../domain/compose/index.ts';
import type { Track } from '../../domain/templates/index.ts';
import { getComposition, listDependencies } from '../../store/compose/index.ts';
import { recordInPlace } from '../compositions/index.ts';
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
  /** True where no change of the account is composed: see `ReadingOptions`. */
  closed?: boolean;
  /** The moves that reviewers were asked about. No other move is made then. */
  agreed?: readonly DependencyMove[];
}

export interface ResolvedView {
  modules: KnownModules;
  resolved: Resolution<Choice>;
  /** The record of `resolved`, with the updates that it knew. */
  resolution: ResolutionRecord;
  /** What other accounts' modules stay at. */
  pins: ReadonlyMap<LayerName, string>;
  /** What it has of other accounts' modules besides the pins. */
  moves: DependencyMove[];
  warnings: string[];
}

/** Chooses the versions of a view for a track. Throws the coded errors of `resolve`. */
export async function resolveView(
  services: Services,
  view: TemplateView,
  { track, previous, note, unpinned, agreed, closed = agreed !== undefined }: ResolveOptions,
): Promise<ResolvedView> {
  const approved = await approvedOf(services, view, track);
  const { account } = view.template;
  const live = await liveResolution(services, view, track);
  const pins = new Map([
    ...pinsOf(account, live, new Map()),
    ...pinsOf(account, previous, approved),
  ]);
  const chosen = unpinned ? new Map() : withMoves(pins, agreed ?? []);
  const reading = { track, previous, pins: chosen, closed };

  let modules = await readModules(services, view, reading);
  while (await note?.([...modules.known.keys()]))
    modules = await readModules(services, view, reading);

  const { resolved, warnings } = resolveModules(view, modules, track, previous);
  const resolution = withApproved(resolved.record, approved);
  const moves = findMoves(account, { pins, approved }, resolution);
  return { modules, resolved, resolution, pins, moves, warnings };
}

/**
 * What the track `live` has. Another track begins with the versions of other accounts that were let
 * through for it: it was not composed while no machine was on it.
 */
async function liveResolution(
  services: Services,
  { template: { account, id } }: TemplateView,
  track: Track,
): Promise<ResolutionRecord | null> {
  if (track === 'live') return null;
  const live = await getComposition(services.db, account, id, 'live');
  return (await recordInPlace(services, live))?.resolution ?? null;
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
 * The last version of each module that was let through for a track, as the view has it. Once the
 * composition in place knows the operation that did it, that composition is the pin.
 */
async function approvedOf(
  { db }: Services,
  { template: { account, id }, approved }: TemplateView,
  track: Track,
): Promise<Map<LayerName, ApprovedVersion>> {
  const found = new Map<LayerName, ApprovedVersion>();
  for (const row of await listDependencies(db, account, id, track)) {
    const { module, approved_version_id: version_id, approved_by: operation_id } = row;
    if (version_id !== null && operation_id !== null)
      found.set(module, { version_id, operation_id });
  }

  for (const [place, version_id] of approved) {
    // No composition in place knows an operation that is not applied yet.
    const update = { version_id, operation_id: '' };
    if (place.startsWith(`${track}/`)) found.set(place.slice(track.length + 1), update);
  }

  return found;
}

function withApproved(
  record: ResolutionRecord,
  approved: ReadonlyMap<LayerName, ApprovedVersion>,
): ResolutionRecord {
  const { approved: _, ...rest } = record;
  if (approved.size === 0) return rest;

  const known = [...approved].map(([module, { operation_id }]) => [module, operation_id] as const);
  return { ...rest, approved: Object.fromEntries(known.sort(([a], [b]) => (a < b ? -1 : 1))) };
}
