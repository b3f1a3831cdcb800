import { byName, type FilterTests, matchesName } from '../../base/filters.ts';
import { type Effect, listEffects } from './effects.ts';
import type { Module, Variety } from './module.ts';
import type { Version } from './version.ts';

/** What every account may see of a version of a public module. */
export interface PublicVersion {
  version_string: string;
  digest: string;
  live: boolean;
  quarantined: boolean;
  platforms: string[];
}

/**
 * What every account may see of a public module. Each field is named here, so that a new field of a
 * row is not shown to others by accident.
 */
export interface PublicModule {
  account: string;
  name: string;
  variety: Variety;
  display_name: string | null;
  description: string | null;
  license: string | null;
  requires: string[];
  provides: string[];
  effects: Effect[];
  live_version: PublicVersion | null;
  updated_at: string;
}

/** Others may see the versions that were live: no others ever left their account. */
export function isPublished({ was_live, promotion_state }: Version): boolean {
  return was_live || promotion_state === 'live';
}

/** Whether an account may learn of a version: of its own, or of one that was live. */
export function isKnownTo(account: string, version: Version): boolean {
  return version.account === account || isPublished(version);
}

export function presentPublicVersion(version: Version): PublicVersion {
  const { version_string, digest, promotion_state, quarantined, builds } = version;
  return {
    version_string,
    digest,
    live: promotion_state === 'live',
    quarantined,
    platforms: builds.map(({ platform }) => platform),
  };
}

/** @param live the live version, null before the first */
export function presentPublicModule(module: Module, live: Version | null): PublicModule {
  const { account, name, variety, updated_at } = module;
  const manifest = live?.manifest;
  return {
    account,
    name,
    variety,
    display_name: manifest?.display_name ?? null,
    description: manifest?.description ?? null,
    license: manifest?.license ?? null,
    requires: manifest?.dependencies.requires ?? [],
    provides: manifest?.dependencies.provides ?? [],
    effects: manifest === undefined ? [] : listEffects(manifest),
    live_version: live === null ? null : presentPublicVersion(live),
    updated_at,
  };
}

export const publicModuleFilters = {
  name: byName,
  publisher: { kind: 'text', about: 'account that publishes it' },
} as const;

export const publicModuleTests: FilterTests<Module, typeof publicModuleFilters> = {
  name: (row, name) => matchesName(name, row.name),
  publisher: ({ account }, publisher) => account === publisher,
};

/** Private and archived modules are in no list of public ones. */
export function isOffered({ visibility, archived }: Module): boolean {
  return visibility === 'public' && !archived;
}
