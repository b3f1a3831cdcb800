import { mapConcurrently } from '../../base/concurrency.ts';
import { GantryError } from '../../base/error.ts';
import { limits } from '../../base/limits/index.ts';
import { listNearest } from '../../base/nearest.ts';
import type { Caller } from '../../domain/accounts/index.ts';
import {
  cutFleet,
  type Fleet,
  type FleetFilter,
  fleetOf,
  type Instance,
  type Machine,
  type ModuleCount,
  machinesRunning,
  mergeFleets,
  ofFleet,
} from '../../domain/machines/index.ts';
import type { Version } from '../../domain/modules/index.ts';
import { moduleLabel, tracks } from '../../domain/templates/index.ts';
import { getCompositionFailure } from '../../store/compose/index.ts';
import { walkInstances } from '../../store/machines/index.ts';
import { allVersions } from '../../store/modules/index.ts';
import { getTemplate } from '../../store/templates/index.ts';
import type { Services } from '../context/index.ts';
import { resolveModule } from '../modules/index.ts';
import { requireTemplate } from '../templates/index.ts';
import { byDigest, readVersionsByDigest, visible } from './versions-by-digest.ts';

/**
 * Returns `limit` instances from a place on. `next` is the place of the next page, null after the
 * last.
 */
interface Stretch {
  limit: number;
  place: string;
}

/** Counts of one page of an account's machines, or of a template's. */
export async function readFleet(
  services: Services,
  { account }: Caller,
  { template, limit, place, ...filter }: Stretch & FleetFilter & { template?: string },
): Promise<{ fleet: Fleet; next: string | null }> {
  if (template !== undefined) await requireTemplate(services, account, template);
  const pages: Fleet[] = [];

  const next = await eachPage(
    services,
    { account, template: template ?? null, limit, place },
    (instances) => {
      pages.push(fleetOf(ofFleet(instances, filter), services.now()));
    },
  );

  const fleet = cutFleet(mergeFleets(pages), limits.fleetModulesMax, limits.fleetDigestsMax);
  const [modules, templates] = await Promise.all([
    mapConcurrently(fleet.modules, limits.storeReadsAtOnce, (row) =>
      withVersions(services, account, row),
    ),
    mapConcurrently(fleet.templates, limits.storeReadsAtOnce, (row) =>
      withFailures(services, account, row, filter),
    ),
  ]);

  return { fleet: { ...fleet, modules, templates }, next };
}

/** The machines of one page that report a module; with `version`, that version of it. */
export async function readMachines(
  services: Services,
  { account: own }: Caller,
  { module, version, limit, place }: Stretch & { module: string; version?: string },
): Promise<{ machines: Machine[]; next: string | null }> {
  const { account, name } = await resolveModule(services, own, module);
  const versions = visible(own, await allVersions(services.db, account, name));
  const wanted =
    version === undefined ? undefined : versionNamed(versions, version, module).version_string;
  const known = byDigest(versions);
  const machines: Machine[] = [];
  const next = await eachPage(
    services,
    { account: own, template: null, limit, place },
    (instances) => {
      machines.push(
        ...machinesRunning(instances, moduleLabel(own, account, name), {
          known,
          version: wanted,
          now: services.now(),
        }),
      );
    },
  );

  return { machines, next };
}

/**
 * Passes a range of instances on in parts that fit into memory. Returns the place of the next
 * range.
 */
async function eachPage(
  services: Services,
  { account, template, limit, place }: Stretch & { account: string; template: string | null },
  take: (instances: Instance[]) => void,
): Promise<string | null> {
  let next: string | null = place;
  for (let left = limit; left > 0 && next !== null; ) {
    const part = { limit: Math.min(left, limits.fleetReadSize), place: next };
    const page = await walkInstances(services.db, { account, template_id: template }, part);

    take(page.instances);
    left -= page.instances.length;
    next = page.next;
  }

  return next;
}

/** Names a template, and says which of its tracks cannot be composed. */
async function withFailures(
  { db }: Services,
  account: string,
  row: Fleet['templates'][number],
  { track }: FleetFilter,
): Promise<Fleet['templates'][number]> {
  const [template, ...failures] = await Promise.all([
    getTemplate(db, account, row.template_id),
    ...tracks.map((one) => getCompositionFailure(db, account, row.template_id, one)),
  ]);
  const composition_failures = failures
    .filter((failure) => failure !== null)
    .filter((failure) => track === undefined || failure.track === track);

  return { ...row, name: template?.name ?? null, composition_failures };
}

/** Names the versions of a module's digests, if the account may see the module. */
async function withVersions(
  services: Services,
  own: string,
  row: ModuleCount,
): Promise<ModuleCount> {
  const known = await readVersionsByDigest(services, own, row.module);
  return {
    ...row,
    digests: row.digests.map((one) => ({ ...one, ...known.get(one.digest) })),
  };
}

function versionNamed(versions: readonly Version[], wanted: string, module: string): Version {
  const version = versions.find(
    ({ version_string, tags }) => version_string === wanted || tags.includes(wanted),
  );
  if (version !== undefined) return version;

  const known = versions.map(({ version_string }) => version_string);
  throw new GantryError(
    'not_found',
    `expected a version ${wanted} of ${module}, found ${listNearest(wanted, known)}`,
    {
      field: 'version',
      found: wanted,
    },
  );
}
