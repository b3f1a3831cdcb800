import { sha256Hex } from '../base/ids.ts';
import type { LayerName, ResolutionRecord, ResolvedVersion } from '../domain/compose/index.ts';
import { compareBytes } from '../domain/files/index.ts';
import type { Provided } from '../domain/modules/index.ts';
import { commonAccount } from '../domain/templates/index.ts';
import type { ResolvedRequirement } from './requirement.ts';
import type { Found } from './resolve-input.ts';
import { Names } from './resolve-names.ts';
import { Search } from './resolve-search.ts';
import type { VersionChoice } from './version-choice.ts';

export interface ResolutionInput<C extends VersionChoice> {
  /** The template's account. Assignments with a bare name mean its modules. */
  account: string;
  assigned: readonly ResolvedRequirement[];
  /**
   * The choices of a module in order of preference (`versionChoices`), or null if it does not exist
   * or is not visible.
   */
  available(module: LayerName): readonly C[] | null;
  /** The requirements in a version's manifest. */
  requires(choice: C, module: LayerName): readonly ResolvedRequirement[];
  /**
   * The capabilities in a version's manifest. Without this function, assigned modules provide
   * nothing either.
   */
  provides?(choice: C, module: LayerName): readonly Provided[];
  /**
   * Visible modules of an account that may provide a capability. Without this function there are
   * none.
   */
  providers?(capability: string, account: string): readonly LayerName[];
  /** The last resolution. */
  previous?: ResolutionRecord | null;
}

export interface ResolvedModule<C extends VersionChoice> {
  module: LayerName;
  choice: C;
  assigned: boolean;
  /** Modules of the resolution whose versions require it, sorted. */
  required_by: LayerName[];
}

export interface Resolution<C extends VersionChoice> {
  /** Sorted by module. */
  modules: ResolvedModule<C>[];
  record: ResolutionRecord;
}

/**
 * Picks one version for each assigned module and, transitively, for each module that these require.
 * The versions satisfy all constraints. The search tries the most preferred versions first,
 * backtracks (product.md, section 7), and handles cycles. `Names` resolves bare names, including
 * capabilities. The order of assignments does not matter.
 *
 * With `previous`, the result stays the same while the assignments and the available versions of
 * every examined module are unchanged. So a module that is meanwhile registered, made public or
 * begins to provide something changes nothing. After a change, everything is resolved again, newest
 * first, and only the providers of capabilities are kept (see `Names`). So an unrelated promotion
 * changes only what the rules require.
 *
 * @throws GantryError `composition_unsatisfied` with the chains of requirements that clash;
 * `composition_ambiguous`, which names the modules that provide the capability;
 * `composition_cycle`, which names modules that require each other; `composition_too_complex` after
 * `limits.resolutionStepsMax` versions without a solution, or for more than
 * `limits.resolutionModulesMax` modules
 */
export function resolve<C extends VersionChoice>(input: ResolutionInput<C>): Resolution<C> {
  const available = memoize(input.available);
  const asked = { ...input, available, assigned: listAssigned(input, available) };
  return reuseResolution(asked) ?? resolveAgain(asked);
}

/** The modules of `resolve`, for callers that keep no record. */
export function resolveVersions<C extends VersionChoice>(
  input: ResolutionInput<C>,
): ResolvedModule<C>[] {
  return resolve(input).modules;
}

type Assigned = ResolutionRecord['assigned'];
type Asked<C extends VersionChoice> = ResolutionInput<C> & { assigned: Assigned };

function resolveAgain<C extends VersionChoice>(input: Asked<C>): Resolution<C> {
  const {
    account,
    assigned,
    available,
    requires,
    previous,
    provides = () => [],
    providers = () => [],
  } = input;

  const names = new Names<C>({
    available,
    provides,
    providers,
    assigned: assigned.map(({ module }) => module),
    recorded: previous?.capabilities ?? {},
    assignedBefore: (previous?.assigned ?? []).map(({ module }) => module),
  });

  const search = new Search<C>({ account, assigned, names, available, requires, provides });
  const found = search.run();
  const considered = [...search.considered].sort(([a], [b]) => compareBytes(a, b));

  const record: ResolutionRecord = {
    assigned,
    modules: Object.fromEntries(found.map((one) => [one.module, toRecord(one)])),
    capabilities: names.capabilities(),
    considered: Object.fromEntries(
      considered.map(([module, choices]) => [module, fingerprint(choices)]),
    ),
    settled: !names.unsettled,
  };

  return { modules: found.map(({ chains: _, ...one }) => one), record };
}

/** Returns the recorded resolution if none of its inputs changed. */
function reuseResolution<C extends VersionChoice>({
  previous,
  assigned,
  available,
}: Asked<C>): Resolution<C> | null {
  if (previous == null || !previous.settled) return null;
  if (JSON.stringify(previous.assigned) !== JSON.stringify(assigned)) return null;

  const same = Object.entries(previous.considered).every(
    ([name, print]) => fingerprint(available(name)) === print,
  );
  if (!same) return null;

  const modules: ResolvedModule<C>[] = [];
  for (const [module, { version_id, assigned: isAssigned, required_by }] of Object.entries(
    previous.modules,
  )) {
    const choice = available(module)?.find(({ id }) => id === version_id);
    if (choice === undefined) return null;
    modules.push({ module, choice, assigned: isAssigned, required_by });
  }

  return { modules: modules.sort((a, b) => compareBytes(a.module, b.module)), record: previous };
}

function toRecord({
  choice,
  assigned,
  required_by,
  chains,
}: Found<VersionChoice>): ResolvedVersion {
  return { version_id: choice.id, version: choice.version_string, assigned, required_by, chains };
}

/**
 * Names the versions that a module could choose from. Versions never change, so their ids also
 * identify their requirements.
 */
function fingerprint(choices: readonly VersionChoice[] | null): string {
  if (choices === null) return '';
  return sha256Hex(choices.map(({ id, standing }) => `${id} ${standing}`).join('\n')).slice(0, 32);
}

/**
 * Returns assignments with full names, sorted. A bare name is never a capability: people assign
 * modules.
 */
function listAssigned<C extends VersionChoice>(
  { account, assigned }: ResolutionInput<C>,
  available: ResolutionInput<C>['available'],
): Assigned {
  const toFullName = (name: string) => {
    if (name.includes('/')) return name;
    return available(`${account}/${name}`) === null
      ? `${commonAccount}/${name}`
      : `${account}/${name}`;
  };

  const all = assigned.map(({ module, constraint }) => ({
    module: toFullName(module),
    constraint,
  }));

  return all.sort(
    (a, b) =>
      compareBytes(a.module, b.module) || compareBytes(a.constraint ?? '', b.constraint ?? ''),
  );
}

function memoize<A, B>(call: (argument: A) => B): (argument: A) => B {
  const answers = new Map<A, B>();
  return (argument) => {
    if (!answers.has(argument)) answers.set(argument, call(argument));
    return answers.get(argument) as B;
  };
}
