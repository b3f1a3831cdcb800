import { mapConcurrently } from '../../base/concurrency.ts';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import {
  pinnedChoices,
  type ResolvedRequirement,
  type VersionChoice,
  versionChoices,
  type WantedCapability,
  wantedCapability,
} from '../../composition/index.ts';
import type { LayerName, ResolutionRecord } from '../../domain/compose/index.ts';
import { inView, isGivenUp, moduleInView, type TemplateView } from '../../domain/compose/index.ts';
import {
  type Module,
  type Provided,
  splitProvided,
  type Version,
} from '../../domain/modules/index.ts';
import {
  commonAccount,
  listNamesakes,
  splitModule,
  type Track,
} from '../../domain/templates/index.ts';
import { parseRequirement, requiredName } from '../../manifest/index.ts';
import { getCategory } from '../../store/accounts/index.ts';
import { getModule, listProviders, readVersions } from '../../store/modules/index.ts';
import type { Services } from '../context/index.ts';

export type Choice = VersionChoice & { of: Version };

/** Everything about one module that a composition may need. */
export interface Known {
  module: Module;
  choices: Choice[];
  categoryPosition: number;
  /** Whether the module's account gave up the version that the composition in place has. */
  givenUp: boolean;
  /** Whether its account offers versions that nobody of the template's account let in. */
  keptOut: boolean;
}

/** What the reading of modules depends on besides the view. */
export interface ReadingOptions {
  track: Track;
  /** How the versions were resolved last time. */
  previous: ResolutionRecord | null;
  /** Ids of the versions that modules of other accounts stay at: see `pinsOf`. */
  pins: ReadonlyMap<LayerName, string>;
  /**
   * True to keep out every version of another account that is not pinned: changes of the template's
   * own account bring them, and nothing that another account does (product.md, section 8).
   */
  closed: boolean;
}

export interface KnownModules {
  /** Null for those that do not exist or that the account may not use. */
  known: Map<LayerName, Known | null>;
  /** `<account>/<capability>` → modules of the account that may provide it. */
  providers: Map<string, LayerName[]>;
}

/**
 * Reads every module that the assignments can lead to: those that any version of the track
 * requires, and so on. A bare name may be a capability. If neither the module recorded last time
 * nor an assigned one provides it, the modules of the requiring account and of `powernode` that do
 * are read too. Throws `composition_too_complex` past `limits.consideredModulesMax`.
 */
export async function readModules(
  services: Services,
  view: TemplateView,
  options: ReadingOptions,
): Promise<KnownModules> {
  const { previous } = options;
  const reading: Reading = {
    ...options,
    services,
    view,
    found: { known: new Map(), providers: new Map() },
    capabilities: new Map(),
  };

  const assigned = view.assignments.map(({ module }) => module);
  await readReachable(reading, assigned);

  // Reading one name may add others. The iteration of a Map visits entries that are added during
  // it.
  for (const [key, capability] of reading.capabilities) {
    await readProviders(reading, capability, {
      assigned,
      recorded: previous?.capabilities[key] ?? null,
    });
  }

  return reading.found;
}

/** A name without an account that a version requires, and the account whose version does. */
interface Capability {
  own: string;
  name: string;
  wanted: WantedCapability;
}

interface Reading extends ReadingOptions {
  services: Services;
  view: TemplateView;
  found: KnownModules;
  /** By `<asking account>/<key of the capability>`. */
  capabilities: Map<string, Capability>;
}

/**
 * Reads modules and those that they require. Modules of one distance are read together, one round a
 * distance.
 */
async function readReachable(reading: Reading, start: readonly LayerName[]): Promise<void> {
  const { services, view, track, previous, pins, closed, found } = reading;
  const { known } = found;
  let round = start;

  while (round.length > 0) {
    const fresh = [...new Set(round)].filter((name) => !known.has(name));
    refuseTooMany(known.size + fresh.length);

    const ones = await mapConcurrently(fresh, limits.storeReadsAtOnce, (name) =>
      readModule(services, view, name, {
        track,
        pin: pins.get(name),
        closed,
        inPlace: previous?.modules[name]?.version_id,
      }),
    );
    for (const [i, name] of fresh.entries()) known.set(name, ones[i] ?? null);
    round = fresh.flatMap((name) => requiredBy(reading, name));
  }
}

/**
 * The modules that the versions of a known module require; bare names are noted as capabilities.
 */
function requiredBy({ view, found, capabilities }: Reading, module: LayerName): LayerName[] {
  const own = splitModule(module, view.template.account).account;
  const choices = found.known.get(module)?.choices ?? [];
  const required = choices.flatMap((choice) => requirementsOf(choice.of));

  for (const { module: name, constraint } of required) {
    if (name.includes('/')) continue;
    const wanted = wantedCapability(name, constraint);
    capabilities.set(`${own}/${wanted.key}`, { own, name, wanted });
  }

  return required.flatMap((one) => listNamesakes(one.module, own));
}

async function readProviders(
  reading: Reading,
  { own, name, wanted }: Capability,
  { assigned, recorded }: { assigned: readonly LayerName[]; recorded: LayerName | null },
): Promise<void> {
  const { services, found } = reading;
  const { known, providers } = found;
  const provides = (module: LayerName) =>
    known.get(module)?.choices.some((choice) => wanted.isMetBy(choice, providedBy(choice.of))) ??
    false;

  if (listNamesakes(name, own).some((module) => known.get(module)?.choices.length)) return;

  if (recorded !== null) await readReachable(reading, [recorded]);
  if (recorded !== null && provides(recorded)) return;
  if (assigned.some(provides)) return;

  for (const account of new Set([own, commonAccount])) {
    const { capability } = wanted;
    const place = `${account}/${capability}`;
    const names =
      providers.get(place) ??
      (await listProviders(services.db, account, capability)).map((one) => `${account}/${one}`);

    providers.set(place, names);
    await readReachable(reading, names);
  }
}

function refuseTooMany(found: number): void {
  const expected = limits.consideredModulesMax;
  if (found <= expected) return;

  throw new GantryError(
    'composition_too_complex',
    `expected the versions within reach to require at most ${expected} modules, found ${found}; narrow the constraints`,
    { expected, found },
  );
}

interface ModuleReading {
  track?: Track;
  /** Id of the version that another account's module stays at. */
  pin?: string | undefined;
  /** See `ReadingOptions`. */
  closed?: boolean;
  /** Id of the version in the composition in place. */
  inPlace?: string | undefined;
}

/**
 * A module as the view's account may use it, or null. Its choices are those of a track; none
 * without one.
 */
export async function readModule(
  services: Services,
  view: TemplateView,
  reference: LayerName,
  { track, pin, inPlace, closed = false }: ModuleReading = {},
): Promise<Known | null> {
  const own = view.template.account;
  const { account, name } = splitModule(reference, own);
  const row = await getModule(services.db, account, name);
  if (row === null || (account !== own && row.visibility !== 'public')) return null;

  const module = moduleInView(view, row);
  const [category, versions] = await Promise.all([
    getCategory(services.db, account, module.category),
    track === undefined ? [] : readVersions(services.db, account, name),
  ]);

  if (category === null)
    throw new GantryError(
      'category_unknown',
      `category "${module.category}" of ${reference} is gone`,
    );

  const usable = versions
    .map((version) => inView(view, version))
    // Other accounts do not see the versions that an account has only in staging (product.md,
    // section 1). A pinned one stays known: its account takes it back to make room for another.
    .filter(
      ({ id, promotion_state }) => account === own || id === pin || promotion_state !== 'staging',
    );
  const had = usable.find(({ id }) => id === inPlace);
  const choices = choicesOf(usable, track, pin);
  const letIn = closed && account !== own ? choices.filter(({ pinned }) => pinned) : choices;

  return {
    module,
    choices: letIn,
    keptOut: letIn.length === 0 && choices.length > 0,
    categoryPosition: category.position,
    givenUp: had !== undefined && track !== undefined && isGivenUp(had, track),
  };
}

function choicesOf(versions: readonly Version[], track?: Track, pin?: string): Choice[] {
  if (track === undefined) return [];
  return pin === undefined ? versionChoices(versions, track) : pinnedChoices(versions, track, pin);
}

/** A search needs the dependencies of one version many times, and a version never changes. */
const parsed = new WeakMap<Version, ResolvedRequirement[]>();
const offered = new WeakMap<Version, Provided[]>();

export function requirementsOf(version: Version): ResolvedRequirement[] {
  const known = parsed.get(version);
  if (known !== undefined) return known;

  const { dependencies } = version.manifest;
  const requirements = dependencies.requires.map((text) => {
    const one = parseRequirement(text);
    return { module: requiredName(one), constraint: one.constraint };
  });

  parsed.set(version, requirements);
  return requirements;
}

/** The capabilities that a version's manifest offers. */
export function providedBy(version: Version): Provided[] {
  const known = offered.get(version);
  if (known !== undefined) return known;

  const provided = version.manifest.dependencies.provides.map(splitProvided);
  offered.set(version, provided);
  return provided;
}
