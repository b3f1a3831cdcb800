import { GantryError } from '../base/error.ts';
import { limits } from '../base/limits/index.ts';
import type { LayerName } from '../domain/compose/index.ts';
import { capabilityPrefix } from '../domain/modules/index.ts';
import { splitModule } from '../domain/templates/index.ts';
import { sayWayForward } from './resolve-advice.ts';
import type { ParsedConstraint, VersionChoice } from './version-choice.ts';

/**
 * One demand on a module, from an assignment (`by` is null) or from the manifest of a chosen
 * version.
 */
export interface Demand {
  by: LayerName | null;
  /** The constraint as written. */
  text: string | null;
  constraint: ParsedConstraint;
  /**
   * The bare name in the demand if it is not the name of a module. Then a version must provide it.
   */
  capability: string | null;
}

/** The reason why no version of a module fits. */
export interface Clash {
  module: LayerName;
  sentence: string;
  /**
   * One chain for each reported demand, from the assignment to the module: `acme/web 1.2.0`, …,
   * `acme/lib@^2.0`.
   */
  chains: string[][];
  /**
   * The first available versions, with the reason why each is not offered: `1.5.0 (quarantined)`.
   */
  available: string[];
}

type Demands = ReadonlyMap<LayerName, readonly Demand[]>;
type Chosen = ReadonlyMap<LayerName, VersionChoice>;

/** The facts that the search has when it finds a clash. */
interface SearchState<C extends VersionChoice> {
  /** The versions of the module, or null when it does not exist. */
  choices: readonly C[] | null;
  demands: Demands;
  chosen: Chosen;
}

/** Checks whether a version meets a demand. */
export interface DemandChecks<C extends VersionChoice> {
  meets(choice: C, demand: Demand): boolean;
  provides(choice: C, capability: string): boolean;
}

/**
 * Explains which demands on a module clash, each with its chain of requirements. It reports only a
 * few of many demands and versions.
 */
export function explainClash<C extends VersionChoice>(
  module: LayerName,
  { meets, provides }: DemandChecks<C>,
  { choices, demands, chosen }: SearchState<C>,
): Clash {
  const reported = pickRulingOut(demands.get(module) ?? [], choices ?? [], meets);
  const chains = reported.map((demand) => formatDemandChain(module, demand, demands, chosen));
  const capabilities = new Set(reported.flatMap(({ capability }) => capability ?? []));

  const available = (choices ?? []).slice(0, limits.clashVersionsShown).map((choice) => {
    const lacking = [...capabilities]
      .filter((one) => !provides(choice, one))
      .map((one) => `does not provide ${one}`);
    const notes = [
      ...(choice.standing === 'offered' ? [] : [choice.because ?? reasons[choice.standing]]),
      ...lacking,
    ];

    return choice.version_string + (notes.length === 0 ? '' : ` (${notes.join(', ')})`);
  });

  const asked = chains.map((chain) => `assigned ${chain.join(' → ')}`).join(' and ');
  const what = isCapability(module)
    ? `a module that provides ${[...capabilities].join(', ')}`
    : `a version of ${module}`;
  const sentence = `expected ${what} for ${asked}; found ${describeFound(choices, available, [...capabilities])}`;
  const way = sayWayForward(choices ?? [], demands.get(module) ?? []);
  return { module, sentence: sentence + way, chains, available };
}

/**
 * Picks a few demands that no version meets together, in their original order. Each step picks the
 * demand that rules out most of the remaining versions. Returns the first few of all demands if
 * this takes too many, or if the demands are not the problem.
 */
function pickRulingOut<C>(
  all: readonly Demand[],
  choices: readonly C[],
  meets: (choice: C, demand: Demand) => boolean,
) {
  const reported = new Set<Demand>();
  for (let left = choices; left.length > 0; ) {
    let most: { demand: Demand; rest: C[] } | undefined;
    for (const demand of all) {
      const rest = left.filter((choice) => meets(choice, demand));
      if (rest.length < (most?.rest ?? left).length) most = { demand, rest };
    }

    if (most === undefined || reported.size === limits.clashDemandsShown)
      return all.slice(0, limits.clashDemandsShown);
    reported.add(most.demand);
    left = most.rest;
  }

  return reported.size === 0
    ? all.slice(0, limits.clashDemandsShown)
    : all.filter((demand) => reported.has(demand));
}

export function unsatisfiedError(clash: Clash): GantryError {
  return new GantryError('composition_unsatisfied', clash.sentence, {
    found: clash.module,
    details: clash,
  });
}

/** Formats the chain that leads to a demand on a module, and the demand itself. */
export function formatDemandChain(
  module: LayerName,
  { by, text, capability }: Demand,
  demands: Demands,
  chosen: Chosen,
): string[] {
  const constraint = text === null ? '' : `@${text}`;
  const asked = isCapability(module)
    ? `${capabilityPrefix}${capability}${constraint}`
    : capability === null
      ? `${module}${constraint}`
      : `${capability}${constraint} (from ${module})`;
  return [...formatChain(by, demands, chosen), asked];
}

/** Whether a name stands for a capability that no module provides. */
function isCapability(module: LayerName): boolean {
  return splitModule(module, '').name.startsWith(capabilityPrefix);
}

const reasons = {
  withheld: 'quarantined',
  superseded: 'superseded',
  unapproved: 'not let through for this template',
} as const;

function describeFound(
  choices: readonly VersionChoice[] | null,
  available: string[],
  capabilities: string[],
): string {
  if (choices?.length === 0) return 'no version of it on this track';

  const more = (choices?.length ?? 0) - available.length;
  if (choices !== null)
    return `only ${available.join(', ')}${more === 0 ? '' : ` and ${more} more`}`;

  const provider =
    capabilities.length === 0 ? '' : `, nor one that provides ${capabilities.join(', ')}`;
  return `no such module, or none that this account may use${provider}`;
}

/**
 * Returns the modules that led to a demand, the assigned one first. Of several chains it takes the
 * first one found. It omits the middle of a long chain.
 */
export function formatChain(from: LayerName | null, demands: Demands, chosen: Chosen): string[] {
  const modules: LayerName[] = [];
  // A cycle of requirements cannot return here before the assignment, because the first demand is
  // the oldest one.
  for (let by = from; by !== null; by = demands.get(by)?.[0]?.by ?? null) modules.push(by);
  const toFullName = modules.map((module) =>
    `${module} ${chosen.get(module)?.version_string ?? ''}`.trimEnd(),
  );

  return withoutMiddle(toFullName.reverse());
}

/** Formats a chain of modules for people, however long it is. */
export function withoutMiddle(chain: readonly string[]): string[] {
  const left = chain.length - limits.chainStepsShown;
  if (left < 2) return [...chain];
  return chain.toSpliced(limits.chainStepsShown / 2, left, `… ${left} more …`);
}
