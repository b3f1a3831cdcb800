import { mapConcurrently } from '../../base/concurrency.ts';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { listSome } from '../../base/list-some.ts';
import { chooseVersion } from '../../composition/index.ts';
import type { Version } from '../../domain/modules/index.ts';
import { type Track, tracks } from '../../domain/templates/index.ts';
import { getComposition, templatesConsidering } from '../../store/compose/index.ts';
import { countInstances } from '../../store/machines/index.ts';
import { readVersions } from '../../store/modules/index.ts';
import { getTemplate, listAssignments, templatesWith } from '../../store/templates/index.ts';
import { recordInPlace } from '../compositions/index.ts';
import type { Services } from '../context/index.ts';

/** A composition of the account that has a version of a module. */
export interface VersionUse {
  version_id: string;
  template_id: string;
  /** Name of the template. */
  template: string;
  track: Track;
  /** Machines of the template on the track that are not decommissioned. */
  machines: number;
  /** Of the assignment; null without a constraint, and for a module that others require. */
  constraint: string | null;
}

/** The compositions of an account's templates that have any version of one of its modules. */
export async function usesOfModule(
  services: Services,
  account: string,
  { module, tracks }: { module: string; tracks: readonly Track[] },
): Promise<VersionUse[]> {
  const rows = await templatesConsidering(services.db, `${account}/${module}`);
  const ids = [...new Set(rows.filter((row) => row.account === account).map(idOf))];

  const places = ids.flatMap((template_id) => tracks.map((track) => ({ template_id, track })));
  const found = await mapConcurrently(places, limits.storeReadsAtOnce, (place) =>
    useIn(services, { account, module, ...place }),
  );

  return found.filter((use) => use !== null);
}

/**
 * Names of the account's templates that a module is assigned to, or whose compositions have it.
 * Use by other accounts never blocks the owner.
 */
export async function templatesUsing(
  services: Services,
  account: string,
  module: string,
): Promise<string[]> {
  const [assigned, uses] = await Promise.all([
    templatesWith(services.db, account, `${account}/${module}`),
    usesOfModule(services, account, { module, tracks }),
  ]);
  const ids = new Set([...assigned, ...uses.map(({ template_id }) => template_id)]);

  const names = await mapConcurrently([...ids], limits.storeReadsAtOnce, async (id) => {
    const template = await getTemplate(services.db, account, id);
    return template?.name ?? id;
  });
  return names.sort();
}

/** Throws `in_use` for a module that templates of its account use. */
export function refuseUsedModule(module: string, templates: readonly string[]): void {
  if (templates.length === 0) return;
  throw new GantryError(
    'in_use',
    `expected a module that no template uses, found "${module}" in ${listSome(templates)}; remove its assignments first`,
    { field: 'module', found: templates },
  );
}

/** The uses of a version that no other version of its module could take over. */
export async function usesWithoutSuccessor(
  services: Services,
  version: Version,
  tracks: readonly Track[],
): Promise<VersionUse[]> {
  const { account, module, id } = version;
  const [uses, versions] = await Promise.all([
    usesOfModule(services, account, { module, tracks }),
    readVersions(services.db, account, module),
  ]);

  const others = versions.filter((one) => one.id !== id);
  return uses.filter(
    ({ version_id, track, constraint }) =>
      version_id === id && chooseVersion(others, track, constraint) === null,
  );
}

async function useIn(
  services: Services,
  at: { account: string; module: string; template_id: string; track: Track },
): Promise<VersionUse | null> {
  const { account, module, template_id, track } = at;
  const { db } = services;
  const record = await recordInPlace(
    services,
    await getComposition(db, account, template_id, track),
  );
  const layer = record?.layers.find((one) => one.account === account && one.module === module);
  if (layer === undefined) return null;

  const template = await getTemplate(db, account, template_id);
  if (template === null) return null;
  const assignments = await listAssignments(db, account, template_id);
  const assigned = assignments.find((one) => one.module === `${account}/${module}`);
  const machines = await countInstances(db, { account, template_id, track });

  return {
    version_id: layer.version_id,
    template_id,
    template: template.name,
    track,
    machines,
    constraint: assigned?.constraint ?? null,
  };
}

function idOf({ template_id }: { template_id: string }): string {
  return template_id;
}
