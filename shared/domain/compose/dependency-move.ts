import type { LayerName, ResolutionRecord } from './composition-report.ts';
import type { ApprovedVersion, Dependency } from './dependency.ts';

/** A version of another account's module that a change brings onto a track of a template. */
export interface DependencyMove {
  module: LayerName;
  /** The version that it replaces; null for a module that the track lacks. */
  from_version_id: string | null;
  version_id: string;
  /** The last operation that let a version of the module through when this move was found. */
  approved_by: string | null;
}

/**
 * The versions of other accounts' modules in a resolution that the template is not pinned to.
 * @param known by module: the pinned version (see `pinsOf`), and what operations let through
 */
export function findMoves(
  account: string,
  {
    pins,
    approved,
  }: {
    pins: ReadonlyMap<LayerName, string>;
    approved: ReadonlyMap<LayerName, ApprovedVersion>;
  },
  { modules }: Pick<ResolutionRecord, 'modules'>,
): DependencyMove[] {
  return Object.entries(modules)
    .filter(([module, { version_id }]) => {
      return !module.startsWith(`${account}/`) && pins.get(module) !== version_id;
    })
    .map(([module, { version_id }]) => {
      const approved_by = approved.get(module)?.operation_id ?? null;
      return { module, from_version_id: pins.get(module) ?? null, version_id, approved_by };
    });
}

/**
 * The pins with the moves that reviewers were asked about. A move from a version that the template
 * has no longer is left out: another operation let a version through meanwhile.
 */
export function withMoves(
  pins: ReadonlyMap<LayerName, string>,
  moves: readonly DependencyMove[],
): Map<LayerName, string> {
  const valid = moves.filter(
    ({ module, from_version_id }) => (pins.get(module) ?? null) === from_version_id,
  );
  return new Map([
    ...pins,
    ...valid.map(({ module, version_id }) => [module, version_id] as const),
  ]);
}

/**
 * Whether an applied operation still pins a template to a move. It does not once a later operation
 * let a version through: a step that runs again must not take that one back.
 */
export function isStillDue(
  { approved_by }: Pick<DependencyMove, 'approved_by'>,
  { approved_by: last }: Pick<Dependency, 'approved_by'>,
  operation_id: string,
): boolean {
  return last === approved_by || last === operation_id;
}

/** A move as a preview names it. */
export function moveText(
  { module, from_version_id }: DependencyMove,
  { modules }: Pick<ResolutionRecord, 'modules'>,
): string {
  const version = modules[module]?.version ?? 'gone';
  const brings = from_version_id === null ? 'brings' : 'moves to';
  return `${brings} ${module} ${version} of another account: the policy of dependency_update decides`;
}
