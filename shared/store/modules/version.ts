import { GantryError } from '../../base/error.ts';
import type { Module, PromotionState, Version } from '../../domain/modules/index.ts';
import type { Reverification } from '../../domain/reverify/index.ts';
import { type Db, type Draft, entity, type Write } from '../table/index.ts';

const versions = entity<Version>()({
  name: 'version',
  attributes: {
    account: 'text',
    module: 'text',
    id: 'text',
    digest: 'text',
    version_string: 'text',
    kind: 'text',
    labels: 'json',
    tags: 'json',
    promotion_state: 'text',
    was_live: 'flag',
    quarantined: 'flag',
    held: 'flag',
    builds: 'json',
    side_layers: 'optional',
    manifest: 'json',
    stored_signatures_key: 'text',
    signatures: 'json',
    reverification: 'optional',
    withdrawn: 'optional',
    withheld: 'optional',
    approvals: 'json',
    revision: 'number',
    ingested_at: 'text',
    state_changed_at: 'text',
  },
  key: { pk: '${account}#version#${id}', sk: 'version' },
  lists: {
    byModule: {
      index: 'gsi1',
      pk: '${account}#module#${module}#versions',
      sk: '${ingested_at}#${id}',
    },
  },
});

export function getVersion(db: Db, account: string, id: string): Promise<Version | null> {
  return versions.get(db, { account, id });
}

/** The live versions of modules of any accounts, by the id of the version. */
export async function readLiveVersions(
  db: Db,
  modules: readonly Pick<Module, 'account' | 'live_version_id'>[],
): Promise<Map<string, Version>> {
  const keys = modules.flatMap(({ account, live_version_id: id }) =>
    id === null ? [] : [{ account, id }],
  );
  return new Map((await versions.many(db, keys)).map((row) => [row.id, row]));
}

/**
 * A page of a module's versions, newest ingest first, after the place that `versionPlace` names.
 */
export async function listVersions(
  db: Db,
  of: { account: string; module: string },
  limit: number,
  after = '',
): Promise<Version[]> {
  const range = { limit, after, newestFirst: true };
  return (await versions.list(db, 'byModule', of, range)).rows;
}

/** Every version of a module, as the index has it. */
export function eachVersion(db: Db, account: string, module: string): AsyncGenerator<Version> {
  return versions.each(db, 'byModule', { account, module });
}

/** Id and builds of every version of a module, as the index has them. */
export function eachBuiltVersion(
  db: Db,
  account: string,
  module: string,
): AsyncGenerator<Pick<Version, 'id' | 'builds'>> {
  return versions.eachOf(db, 'byModule', { account, module }, ['id', 'builds']);
}

/** Every version of a module, newest ingest first, as the index has it. */
export function allVersions(db: Db, account: string, module: string): Promise<Version[]> {
  return versions.all(db, 'byModule', { account, module }, { newestFirst: true });
}

/** Where a version stands in the list of its module. */
export function versionPlace(version: Version): string {
  return versions.place('byModule', version);
}

/**
 * Every version of a module, newest ingest first, each row read consistently: for decisions about
 * state, which the index may show late.
 */
export async function readVersions(db: Db, account: string, module: string): Promise<Version[]> {
  const partition = { account, module };
  const listed = await Array.fromAsync(
    versions.eachOf(db, 'byModule', partition, ['account', 'id']),
  );
  const rows = await versions.many(db, listed);

  return rows.sort((a, b) => (versionPlace(a) < versionPlace(b) ? 1 : -1));
}

export function createVersion(version: Draft<Version>): Write {
  return versions.create(
    version,
    () => new GantryError('already_exists', `version ${version.id} is ingested already`),
  );
}

/** Replaces what a version says of its builds, unless it was changed since it was read. */
export function saveBuilds(was: Version, builds: Version['builds']): Write {
  return versions.update(was, { builds });
}

/** Gives a version a further tag and, while it is `built`, another name. */
export function nameVersion(was: Version, tags: string[], version_string: string): Write {
  return versions.update(was, { tags, version_string });
}

/**
 * Moves a version from the state that was read to another; of two concurrent moves, one gets
 * `conflict`.
 */
export function moveVersion(
  was: Version,
  to: PromotionState,
  at: string,
  extra: Partial<Draft<Version>> = {},
): Write {
  return versions.update(was, { ...extra, promotion_state: to, state_changed_at: at });
}

/** Notes why people withhold a version, unless the version was changed since it was read. */
export function withholdVersion(
  was: Version,
  set: Pick<Version, 'quarantined' | 'held' | 'withheld'>,
): Write {
  return versions.update(was, set);
}

/** Notes how a re-verification ended, unless the version was changed since it was read. */
export function saveReverification(
  was: Version,
  set: Partial<Pick<Version, 'quarantined' | 'stored_signatures_key' | 'signatures'>> & {
    reverification: Reverification;
  },
): Write {
  return versions.update(was, set);
}

/** Ids of a module's versions in these states, as the index shows them; no row is read whole. */
export async function versionIdsIn(
  db: Db,
  account: string,
  module: string,
  states: readonly PromotionState[],
): Promise<string[]> {
  const ids: string[] = [];
  const fields = ['id', 'promotion_state'] as const;

  for await (const row of versions.eachOf(db, 'byModule', { account, module }, fields)) {
    if (states.includes(row.promotion_state)) ids.push(row.id);
  }

  return ids;
}
