import { mapConcurrently } from '../../base/concurrency.ts';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { type VersionChoice, versionChoices } from '../../composition/index.ts';
import type { LayerName, ResolutionRecord } from '../../domain/compose/index.ts';
import { inView, moduleInView, type TemplateView } from '../../domain/compose/index.ts';
import type { Module, Version } from '../../domain/modules/index.ts';
import { splitModule, type Track } from '../../domain/templates/index.ts';
import { parseRequirement } from '../../manifest/index.ts';
import { getCategory } from '../../store/accounts/index.ts';
import { getModule, listProviders, readVersions } from '../../store/modules/index.ts';
import type { Services } from '../context/index.ts';

export type Choice = VersionChoice & { of: Version };

/** Everything about one module that a composition may need. */
export interface Known {
  module: Module;
  choices: Choice[];
  categoryPosition: number;
}

export interface KnownModules {
  /** Null for those that do not exist or that the account may not use. */
  known: Map<LayerName, Known | null>;
  /** `<account>/<capability>` → modules of the account that may provide it. */
  providers: Map<string, LayerName[]>;
}

/** Whose modules every account may mean by a bare name. */
export const commonAccount = 'powernode';

/**
 * Reads every module that the assignments can lead to, through what any version of the track requires. For a bare name
 * that is no module's with versions, and that neither the module recorded last time nor an assigned one provides, those of
 * the asking account and of `powernode` that provide it are read too. Throws `composition_too_complex` past
 * `limits.consideredModulesMax`.
 */
export async function readModules(
  services: Services,
  view: TemplateView,
  track: Track,
  previous: ResolutionRecord | null,
): Promise<KnownModules> {
  const found: KnownModules = { known: new Map(), providers: new Map() };
  const { known, providers } = found;
  const assigned = view.assignments.map(({ module }) => module);
  const capabilities = new Map<string, { own: string; name: string }>();
  // All modules of one distance from the assignments at once: as many rounds as the longest chain of requirements.
  const read = async (start: readonly LayerName[]) => {
    let round = start;
    while (round.length > 0) {
      const fresh = [...new Set(round)].filter((name) => !known.has(name));
      if (known.size + fresh.length > limits.consideredModulesMax)
        throw tooMany(known.size + fresh.length);
      const ones = await mapConcurrently(fresh, limits.storeReadsAtOnce, (name) =>
        readModule(services, view, name, track),
      );
      round = fresh.flatMap((name, i) => {
        const one = ones[i] ?? null;
        known.set(name, one);
        const own = splitModule(name, view.template.account).account;
        const required = (one?.choices ?? []).flatMap((choice) => requirementsOf(choice.of));
        return required.flatMap(({ module }) => {
          if (!module.includes('/')) capabilities.set(`${own}/${module}`, { own, name: module });
          return meanings(module, own);
        });
      });
    }
  };
  const provides = (module: LayerName, name: string) =>
    known.get(module)?.choices.some((choice) => providedBy(choice.of).includes(name)) ?? false;
  await read(assigned);
  // What is read for one name may ask for further ones: a Map's iteration visits what is added on the way.
  for (const [key, { own, name }] of capabilities) {
    if (meanings(name, own).some((module) => known.get(module)?.choices.length)) continue;
    const recorded = previous?.capabilities[key];
    if (recorded !== undefined) await read([recorded]);
    if (recorded !== undefined && provides(recorded, name)) continue;
    if (assigned.some((module) => provides(module, name))) continue;
    for (const account of new Set([own, commonAccount])) {
      const place = `${account}/${name}`;
      if (!providers.has(place)) {
        const names = await listProviders(services.db, account, name);
        providers.set(
          place,
          names.map((module) => `${account}/${module}`),
        );
      }
      await read(providers.get(place) ?? []);
    }
  }
  return found;
}

function tooMany(found: number): GantryError {
  const expected = limits.consideredModulesMax;
  return new GantryError(
    'composition_too_complex',
    `expected the versions within reach to require at most ${expected} modules, found ${found}; narrow the constraints`,
    { expected, found },
  );
}

/** The modules that a name in `requires` may mean, the preferred first. */
function meanings(name: string, own: string): LayerName[] {
  return name.includes('/') ? [name] : [`${own}/${name}`, `${commonAccount}/${name}`];
}

/** A module as the view's account may use it, or null. Its choices are those of a track; none without one. */
export async function readModule(
  services: Services,
  view: TemplateView,
  reference: LayerName,
  track?: Track,
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
    // Of other accounts' modules only what they blessed concerns anybody else (product.md, section 1).
    .filter(({ promotion_state }) => account === own || promotion_state !== 'staging');
  const choices = track === undefined ? [] : versionChoices(usable, track);
  return { module, choices, categoryPosition: category.position };
}

type Requirement = { module: string; constraint: string };

/** A search asks for the requirements of one version again and again; a row of the table never changes. */
const parsed = new WeakMap<Version, Requirement[]>();

export function requirementsOf(version: Version): Requirement[] {
  const known = parsed.get(version);
  if (known !== undefined) return known;
  const { dependencies } = version.manifest;
  const requirements = dependencies.requires.map((text) => {
    const { account, module, constraint } = parseRequirement(text);
    return { module: account === null ? module : `${account}/${module}`, constraint };
  });
  parsed.set(version, requirements);
  return requirements;
}

/** Names of the capabilities that a version's manifest offers. */
export function providedBy(version: Version): string[] {
  return version.manifest.dependencies.provides;
}
