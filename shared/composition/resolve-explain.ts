import type { LayerName } from '../domain/composition.ts';
import { GantryError } from '../error.ts';
import type { ParsedConstraint, VersionChoice } from './version-choice.ts';

/** One demand on a module: an assignment's (`by` is null) or that of a chosen version's manifest. */
export interface Demand {
  by: LayerName | null;
  /** The constraint as written. */
  text: string | null;
  constraint: ParsedConstraint;
  /** The bare name by which it was asked for, when that is no module's: a version must provide it. */
  capability: string | null;
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

type Demands = ReadonlyMap<LayerName, readonly Demand[]>;
type Chosen = ReadonlyMap<LayerName, VersionChoice>;

/**
 * Says in plain words which demands on a module clash, each with the chain of requirements that leads to it.
 * `provides` tells whether a version provides a capability.
 */
export function explainClash<C extends VersionChoice>(
  module: LayerName,
  choices: readonly C[] | null,
  provides: (choice: C, capability: string) => boolean,
  demands: Demands,
  chosen: Chosen,
): Clash {
  const chains = chainsOf(module, demands, chosen);
  const capabilities = new Set((demands.get(module) ?? []).flatMap(({ capability }) => capability ?? []));
  const available = (choices ?? []).map((choice) => {
    const lacking = [...capabilities].filter((one) => !provides(choice, one)).map((one) => `does not provide ${one}`);
    const notes = [...(choice.standing === 'offered' ? [] : [reasons[choice.standing]]), ...lacking];
    return choice.version_string + (notes.length === 0 ? '' : ` (${notes.join(', ')})`);
  });
  const asked = chains.map((chain) => `assigned ${chain.join(' → ')}`).join(' and ');
  const sentence = `expected a version of ${module} for ${asked}; found ${found(choices, available, [...capabilities])}`;
  return { module, sentence, chains, available };
}

export function unsatisfiedError(clash: Clash): GantryError {
  return new GantryError('composition_unsatisfied', clash.sentence, { found: clash.module, details: clash });
}

/** One chain a demand on a module: what leads to it, and what is asked. */
export function chainsOf(module: LayerName, demands: Demands, chosen: Chosen): string[][] {
  return (demands.get(module) ?? []).map(({ by, text, capability }) => {
    const constraint = text === null ? '' : `@${text}`;
    const asked = capability === null ? `${module}${constraint}` : `${capability}${constraint} (from ${module})`;
    return [...chainTo(by, demands, chosen), asked];
  });
}

const reasons = { withheld: 'quarantined', superseded: 'superseded' } as const;

function found(choices: readonly VersionChoice[] | null, available: string[], capabilities: string[]): string {
  if (choices !== null)
    return available.length === 0 ? 'no version of it on this track' : `only ${available.join(', ')}`;
  const provider = capabilities.length === 0 ? '' : `, nor one that provides ${capabilities.join(', ')}`;
  return `no such module, or none that this account may use${provider}`;
}

/** The modules by which a demand came about, the assigned one first; of several ways the one found first. */
export function chainTo(from: LayerName | null, demands: Demands, chosen: Chosen): string[] {
  const chain: string[] = [];
  // A cycle of requirements cannot lead back here before the assignment: the first demand is the one that came first.
  for (let by = from; by !== null; by = demands.get(by)?.[0]?.by ?? null) {
    chain.unshift(`${by} ${chosen.get(by)?.version_string ?? ''}`.trimEnd());
  }
  return chain;
}
