import type { Track } from '../templates/index.ts';
import type { LayerName, ResolutionRecord } from './composition-report.ts';

/**
 * What an account decided about the versions of another account's module on one track of a
 * template. The composition in place says which version the template is pinned to.
 */
export interface Dependency {
  account: string;
  template_id: string;
  track: Track;
  module: LayerName;
  /** The last version that was let through; null before the first one. */
  approved_version_id: string | null;
  /** The operation that let it through. */
  approved_by: string | null;
  /** The version that is proposed, and the operation that proposes it. */
  proposal: { version_id: string; operation_id: string } | null;
  /** Versions that people refused, the latest last. They are not proposed again. */
  rejected: string[];
  /** Counts the changes of the row. A write names the count that it read. */
  revision: number;
  updated_at: string;
}

/** A version that was let through, and the operation that did it. */
export interface ApprovedVersion {
  version_id: string;
  operation_id: string;
}

/** A version that would replace the pinned one. */
export interface WantedUpdate {
  from_version_id: string;
  version_id: string;
}

/** The row of a module about which nothing was decided yet. */
export function newDependency(
  key: Pick<Dependency, 'account' | 'template_id' | 'track' | 'module'>,
  updated_at: string,
): Dependency {
  return {
    ...key,
    approved_version_id: null,
    approved_by: null,
    proposal: null,
    rejected: [],
    revision: 0,
    updated_at,
  };
}

/**
 * The version of each module of another account that a template stays with: the one in place, or
 * one that was let through since then. A module that the composition in place lacks has none before
 * a change of the account brings it, which is composed, and let through, before it is applied.
 * @param previous the composition in place; it names the operations that it knew
 * @param approved by module, the version that was let through last
 */
export function pinsOf(
  account: string,
  previous: ResolutionRecord | null,
  approved: ReadonlyMap<LayerName, ApprovedVersion>,
): Map<LayerName, string> {
  const pins = new Map<LayerName, string>();

  for (const [module, { version_id }] of Object.entries(previous?.modules ?? {})) {
    if (!module.startsWith(`${account}/`)) pins.set(module, version_id);
  }

  for (const [module, { version_id, operation_id }] of approved) {
    if (operation_id !== previous?.approved?.[module]) pins.set(module, version_id);
  }

  return pins;
}
