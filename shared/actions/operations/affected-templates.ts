import { mapConcurrently } from '../../base/concurrency.ts';
import { limits } from '../../base/limits/index.ts';
import { capabilityPrefix } from '../../domain/modules/index.ts';
import type { Operation } from '../../domain/operations/index.ts';
import { type Track, tracks } from '../../domain/templates/index.ts';
import { templatesConsidering } from '../../store/compose/index.ts';
import { eachInstanceOf, getInstance } from '../../store/machines/index.ts';
import { getModule, getVersion } from '../../store/modules/index.ts';
import { assignmentsOf } from '../../store/templates/index.ts';
import { providedBy } from '../compose/index.ts';
import type { Services } from '../context/index.ts';
import type { Affected } from './changes/change-kind.ts';
import { kindOf } from './changes/index.ts';

/** A template and the track whose composition a change may alter. */
export interface TemplateTrack {
  account: string;
  template_id: string;
  track: Track;
}

interface TemplateKey {
  account: string;
  template_id: string;
}

type UsersOf = Extract<Affected, { of: 'module' }>;

/**
 * The templates whose compositions an operation may alter: they are composed again once it is
 * applied.
 */
export async function affectedTemplates(
  services: Services,
  { account, changes }: Pick<Operation, 'account' | 'changes'>,
): Promise<TemplateTrack[]> {
  const found = await mapConcurrently(changes, limits.storeReadsAtOnce, (change) =>
    findAffected(services, account, kindOf(change).affected(change, account)),
  );
  return [...new Map(found.flat().map((one) => [Object.values(one).join('/'), one])).values()];
}

/** Looks up the templates, with each track that is composed. */
export async function findAffected(
  services: Services,
  account: string,
  affected: Affected,
): Promise<TemplateTrack[]> {
  switch (affected.of) {
    case 'nothing':
      return [];
    case 'template':
      return withTracks(services, [{ account, template_id: affected.template_id }]);
    case 'module':
      return withTracks(services, await templatesUsing(services, account, affected));
    case 'instance': {
      const instance = await getInstance(services.db, account, affected.instance_id);
      if (instance === null) return [];
      const { template_id } = instance;
      return [{ account, template_id, track: affected.track ?? instance.track }];
    }
  }
}

/** The templates and tracks that use a module of the account: see `Affected`. */
export async function templateTracksUsing(
  services: Services,
  account: string,
  users: Omit<UsersOf, 'of'>,
): Promise<TemplateTrack[]> {
  return findAffected(services, account, { of: 'module', ...users });
}

async function templatesUsing(
  services: Services,
  account: string,
  { module, version_id, others }: UsersOf,
): Promise<TemplateKey[]> {
  const version = version_id === null ? null : await getVersion(services.db, account, version_id);
  const provided = (version === null ? [] : providedBy(version)).flatMap(({ capability }) => [
    capability,
    `${capabilityPrefix}${capability}`,
  ]);
  const names = [module, ...provided].map((name) => `${account}/${name}`);
  const rows: TemplateKey[][] = await Promise.all([
    assignmentsOf(services.db, `${account}/${module}`),
    ...[...new Set(names)].map((name) => templatesConsidering(services.db, name)),
  ]);
  const found = new Map(rows.flat().map((row) => [`${row.account}/${row.template_id}`, row]));

  const counted = await concernsOthers(services, account, module, others);
  return [...found.values()].filter((row) => counted || row.account === account);
}

/** An account that names a private module of another account must not learn that it changes. */
async function concernsOthers(
  services: Services,
  account: string,
  module: string,
  others: UsersOf['others'],
): Promise<boolean> {
  if (others !== 'if_public') return others === 'always';
  return (await getModule(services.db, account, module))?.visibility === 'public';
}

async function withTracks(services: Services, templates: TemplateKey[]): Promise<TemplateTrack[]> {
  const all = await mapConcurrently(
    templates,
    limits.storeReadsAtOnce,
    async ({ account, template_id }): Promise<TemplateTrack[]> => {
      const composed = await composedTracks(services, account, template_id);
      return composed.map((track) => ({ account, template_id, track }));
    },
  );
  return all.flat();
}

/** The track `live`, and each other track that a machine of the template is on. */
async function composedTracks(
  { db }: Services,
  account: string,
  template_id: string,
): Promise<Track[]> {
  const used = new Set<Track>(['live']);
  for await (const { track } of eachInstanceOf(db, account, template_id)) {
    used.add(track);
    if (used.size === tracks.length) break;
  }

  return tracks.filter((track) => used.has(track));
}
