import type { LayerName } from '../domain/composition.ts';
import type { ParsedConstraint, VersionChoice } from './version-choice.ts';

/** One demand on a module: an assignment's (`by` is null) or that of a chosen version's manifest. */
export interface Demand {
  by: LayerName | null;
  /** The constraint as written. */
  text: string | null;
  constraint: ParsedConstraint;
}

/** Why a module cannot be had. */
export interface Clash {
  module: LayerName;
  sentence: string;
  /** One a demand, from the assignment to the module: `acme/web 1.2.0`, …, `acme/lib@^2.0`. */
  chains: string[][];
  /** The versions that there are, with what keeps them from being handed out: `1.5.0 (quarantined)`. */
  available: string[];
}

/** Says in plain words which demands on a module clash, each with the chain of requirements that leads to it. */
export function explainClash(
  module: LayerName,
  choices: readonly VersionChoice[] | null,
  demands: ReadonlyMap<LayerName, readonly Demand[]>,
  chosen: ReadonlyMap<LayerName, VersionChoice>,
): Clash {
  const chains = (demands.get(module) ?? []).map((demand) => [
    ...chainTo(demand.by, demands, chosen),
    `${module}${demand.text === null ? '' : `@${demand.text}`}`,
  ]);
  const available = (choices ?? []).map(
    ({ version_string, standing }) => version_string + (standing === 'offered' ? '' : ` (${reasons[standing]})`),
  );
  const asked = chains.map((chain) => `assigned ${chain.join(' → ')}`).join(' and ');
  return {
    module,
    sentence: `expected a version of ${module} for ${asked}; found ${found(choices, available)}`,
    chains,
    available,
  };
}

const reasons = { withheld: 'quarantined', superseded: 'superseded' } as const;

function found(choices: readonly VersionChoice[] | null, available: string[]): string {
  if (choices === null) return 'no such module, or none that this account may use';
  return available.length === 0 ? 'no version of it on this track' : `only ${available.join(', ')}`;
}

/** The modules by which a demand came about, the assigned one first; of several ways the one found first. */
function chainTo(
  from: LayerName | null,
  demands: ReadonlyMap<LayerName, readonly Demand[]>,
  chosen: ReadonlyMap<LayerName, VersionChoice>,
): string[] {
  const chain: string[] = [];
  // A cycle of requirements cannot lead back here before the assignment: the first demand is the one that came first.
  for (let by = from; by !== null; by = demands.get(by)?.[0]?.by ?? null) {
    chain.unshift(`${by} ${chosen.get(by)?.version_string ?? ''}`.trimEnd());
  }
  return chain;
}
